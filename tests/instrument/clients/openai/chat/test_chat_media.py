"""Media in chat completions: images, files and sound, and their tokens."""

import base64
import json

import pytest
from chat_calls import asking
from in_process import COMPLETION, chunk, client_for

from otel_llm import names
from otel_llm.instrument.clients.openai.chat import CHAT


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_of_media_and_of_the_cache_are_told_apart(instrumented, client, stream):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    result = client.chat.completions.create(**asking("spoken"), **options)
    if stream:
        list(result)

    attributes = instrumented.span.attributes
    assert {name: attributes[name] for name in attributes if name.endswith("_tokens")} == {
        names.USAGE_INPUT_TOKENS: 20,
        names.USAGE_OUTPUT_TOKENS: 30,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
        names.USAGE_CACHE_CREATION_INPUT_TOKENS: 4,
        names.USAGE_REASONING_OUTPUT_TOKENS: 0,
        names.USAGE_AUDIO_INPUT_TOKENS: 12,
        names.USAGE_IMAGE_INPUT_TOKENS: 5,
        names.USAGE_AUDIO_OUTPUT_TOKENS: 25,
    }


def test_a_spoken_answer_is_media_with_its_transcript():
    audio = {"id": "audio_1", "data": "UklGRg==", "expires_at": 1, "transcript": "Hello."}
    message = {"role": "assistant", "content": None, "audio": audio}
    client = client_for({**COMPLETION, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    completion = client.chat.completions.create(**asking("speak"))

    (said,) = CHAT.read_response(completion).read_messages()
    spoken = {
        "type": "blob",
        "modality": "audio",
        "mime_type": None,
        "content": "UklGRg==",
        "transcript": "Hello.",
    }
    assert said["parts"] == [spoken]
    (again,) = CHAT.read_content({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}).messages
    assert again["parts"] == [{"type": "file", "modality": "audio", "file_id": "audio_1"}]


def test_a_spoken_answer_is_put_together_of_a_stream():
    pieces = [
        {"id": "audio_1", "transcript": "Hel"},
        {"data": base64.b64encode(b"ab").decode()},
        {"data": base64.b64encode(b"cd").decode(), "transcript": "lo."},
        {"expires_at": 1},
    ]
    chunks = [chunk({"audio": piece}) for piece in pieces] + [chunk({}, finish_reason="stop")]
    added_up = CHAT.add_up(True)
    for each in client_for(chunks).chat.completions.create(**asking("speak"), stream=True):
        added_up.add(each)

    (said,) = added_up.response().read_messages()
    assert said["parts"] == [
        {
            "type": "blob",
            "modality": "audio",
            "mime_type": None,
            "content": base64.b64encode(b"abcd").decode(),
            "transcript": "Hello.",
        }
    ]


def test_files_of_a_message_are_media_or_references():
    content = [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    (said,) = CHAT.read_content({"messages": [{"role": "user", "content": content}]}).messages

    assert said["parts"] == [
        {"type": "file", "modality": "document", "file_id": "file-1"},
        {
            "type": "blob",
            "modality": "document",
            "mime_type": "application/pdf",
            "content": "JVBERi0=",
            "filename": "a.pdf",
        },
    ]


def test_urls_of_data_in_capitals_are_media(captured):
    url = "DATA:image/PNG;BASE64,iVBORw0="
    image = {"type": "image_url", "image_url": {"url": url}}
    file = {"type": "file", "file": {"file_data": "Data:application/pdf;base64,JVBERi0="}}
    text = {"type": "text", "text": f"See {url}"}
    client_for(COMPLETION).chat.completions.create(
        model="m", messages=[{"role": "user", "content": [image, file, text]}]
    )

    (said,) = json.loads(captured.span.attributes[names.INPUT_MESSAGES])
    assert [(part["type"], part.get("mime_type")) for part in said["parts"]] == [
        ("uri", "image/png"), ("uri", "application/pdf"), ("text", None),
    ]  # fmt: skip
    assert "VBORw0" not in json.dumps(said)


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}
RESULT = {"type": "text", "text": "res"}


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        ([RESULT, IMAGE], ["text", "uri"]),
        ([IMAGE], ["uri"]),
        ([RESULT, {"type": "file", "file": {"file_id": "file-1"}}], ["text", "file"]),
    ],
)
def test_media_in_the_answer_of_a_tool_are_described(captured, content, kinds):
    message = {"role": "tool", "tool_call_id": "call-1", "content": content}
    client_for(COMPLETION).chat.completions.create(model="m", messages=[message])

    ((part,),) = (said["parts"] for said in json.loads(captured.span.attributes[names.INPUT_MESSAGES]))
    assert [each["type"] for each in part["response"]] == kinds
    assert "iVBORw0" not in json.dumps(part)


@pytest.mark.parametrize(
    ("content", "response"),
    [("res", "res"), ([RESULT], "res"), ([RESULT, RESULT], "res\nres"), ("", ""), ([], "")],
)
def test_the_texts_of_a_tools_answer_are_one_text(captured, content, response):
    message = {"role": "tool", "tool_call_id": "call-1", "content": content}
    client_for(COMPLETION).chat.completions.create(model="m", messages=[message])

    ((part,),) = (said["parts"] for said in json.loads(captured.span.attributes[names.INPUT_MESSAGES]))
    assert part["response"] == response


@pytest.mark.parametrize("kind", ["image", "audio", "video", "document"])
@pytest.mark.parametrize("wrap", [lambda url: url, lambda url: {"url": url}])
def test_media_at_a_url_are_told_with_their_kind(captured, kind, wrap):
    part = {"type": f"{kind}_url", f"{kind}_url": wrap("https://example.com/it")}
    client_for(COMPLETION).chat.completions.create(model="m", messages=[{"role": "user", "content": [part]}])

    ((told,),) = (said["parts"] for said in json.loads(captured.span.attributes[names.INPUT_MESSAGES]))
    assert told == {"type": "uri", "modality": kind, "uri": "https://example.com/it"}
