"""A response with status 200 that is no answer is a failed call, though the client raises no error."""

import json

import openai
import pytest
from failed_calls import failed_as
from in_process import COMPLETION, chunk, client_for, client_of_body, sse
from in_process_anthropic import QUESTION, claude_of_body

ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello?"}]}
PAGE = b"<!DOCTYPE html><html><body>Please log in.</body></html>"
FAILED_CHOICE = {
    **COMPLETION["choices"][0], "finish_reason": "error", "error": {"code": 502, "message": "Upstream error"},
}  # fmt: skip
OPENAI = {
    "chat": lambda client: client.chat.completions.create(**ASK),
    "completions": lambda client: client.completions.create(model="m", prompt="Hello?"),
    "responses": lambda client: client.responses.create(model="m", input="Hello?"),
    "moderations": lambda client: client.moderations.create(model="m", input="Hello?"),
    "images": lambda client: client.images.generate(model="m", prompt="A cat."),
    "speech": lambda client: client.audio.speech.create(model="m", voice="alloy", input="Hello?"),
    "transcriptions": lambda client: client.audio.transcriptions.create(model="m", file=b"RIFF"),
    "batches": lambda client: client.batches.create(
        completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file-1"
    ),
}
# errors in the forms of OpenRouter, OpenAI, vLLM, Anthropic, gateways; each with its kind
ERRORS = [
    ({"error": {"message": "Upstream error", "code": 502}, "user_id": "u"}, "502"),
    ({"error": {"message": "No.", "type": "server_error", "code": None}}, "server_error"),
    ({"error": {"message": "No.", "code": "tool_use_failed"}}, "tool_use_failed"),
    ({"error": "overloaded"}, "error"),
    ({"object": "error", "message": "Too long.", "type": "BadRequestError", "code": 400}, "400"),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded_error"),
    ({"code": 1113, "msg": "No balance."}, "1113"),
    ({"success": False, "errors": [{"code": 7003, "message": "No route."}]}, "7003"),
    ({"error": {"message": "No.", "code": "a whole sentence would be a label for each text"}}, "error"),
    ({"detail": "Not Found"}, "no_answer"),
    ({}, "no_answer"),
]


@pytest.mark.parametrize(("body", "kind"), ERRORS)
@pytest.mark.parametrize("endpoint", OPENAI)
def test_an_error_in_place_of_an_answer_is_an_error_of_the_call(instrumented, endpoint, body, kind):
    OPENAI[endpoint](client_of_body(json.dumps(body).encode()))

    assert failed_as(instrumented) == kind


@pytest.mark.parametrize("body", [{}, ERRORS[0][0]])
def test_vectors_that_are_missing_are_the_clients_own_error(instrumented, body):
    with pytest.raises(ValueError, match="No embedding data"):
        client_of_body(json.dumps(body).encode()).embeddings.create(model="m", input="Hello?")

    assert failed_as(instrumented) == "ValueError"


@pytest.mark.parametrize("endpoint", OPENAI)
def test_a_page_is_no_answer(instrumented, endpoint):
    OPENAI[endpoint](client_of_body(PAGE, "text/html"))

    assert failed_as(instrumented) == "no_answer"


def test_the_app_gets_what_the_client_gives_without_us(exported):
    def results():
        page = OPENAI["chat"](client_of_body(PAGE, "text/html"))
        return page, OPENAI["chat"](client_of_body(json.dumps(ERRORS[0][0]).encode())).to_dict()

    before = results()
    exported.instrument(capture_content=True)
    assert results() == before
    assert type(before[0]) is str


@pytest.mark.parametrize(("body", "kind"), ERRORS)
def test_an_error_in_place_of_a_message_is_an_error_of_the_call(instrumented, body, kind):
    claude_of_body(json.dumps(body).encode()).messages.create(**QUESTION)

    assert failed_as(instrumented) == kind


@pytest.mark.parametrize(
    ("body", "media_type"), [(PAGE, "text/html"), (b"", "text/plain"), (b"null", "application/json")]
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda *answer: OPENAI["chat"](client_of_body(*answer)),
        lambda *answer: claude_of_body(*answer).messages.create(**QUESTION),
    ],
)
def test_a_page_or_nothing_is_no_answer_of_either_client(instrumented, ask, body, media_type):
    ask(body, media_type)

    assert failed_as(instrumented) == "no_answer"


@pytest.mark.parametrize("body", [b"", b"{", PAGE])
@pytest.mark.parametrize("media_type", ["application/json", "text/html", "text/event-stream"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_body_without_an_answer_is_an_error_where_the_app_reads_it_too(exported, body, media_type, stream):
    exported.instrument(debug_raise=False)
    completions = client_of_body(body, media_type).chat.completions.with_streaming_response
    with completions.create(**ASK, stream=stream) as response:
        assert response.read() == body

    assert failed_as(exported) == "no_answer"


@pytest.mark.parametrize("body", [b"", PAGE, b"{"])
def test_a_raw_response_without_an_answer_is_an_error(instrumented, body):
    client_of_body(body).chat.completions.with_raw_response.create(**ASK)

    assert failed_as(instrumented) == "no_answer"


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (FAILED_CHOICE, "502"),
        ({**FAILED_CHOICE, "error": None}, "error"),
        (
            {**FAILED_CHOICE, "finish_reason": "insufficient_system_resource", "error": None},
            "insufficient_system_resource",
        ),
        ({**FAILED_CHOICE, "finish_reason": "stop"}, "502"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_choice_that_failed_is_an_error_of_the_call(instrumented, choice, kind, stream):
    answer = {**COMPLETION, "choices": [choice]}
    if stream:
        answer = [chunk({"content": "Hel"}), {**chunk({}), "choices": [{**choice, "delta": {}}]}]
    result = client_for(answer).chat.completions.create(**ASK, stream=stream)
    if stream:
        list(result)

    assert failed_as(instrumented) == kind


NO_STREAMS = {
    "nothing": (b"", "text/event-stream", "no_answer"),
    "only the end": (b"data: [DONE]\n\n", "text/event-stream", "no_answer"),
    "comments": (b": ping\n\n: ping\n\ndata: [DONE]\n\n", "text/event-stream", "no_answer"),
    "JSON": (b'{"error": {"code": 502}}', "application/json", "no_answer"),
    "a page": (PAGE, "text/html", "no_answer"),
    "vLLM's error": (sse({"object": "error", "code": 400, "message": "Too long."}), "text/event-stream", "400"),
    "a status": (sse({"base_resp": {"status_code": 1008}, "choices": None}), "text/event-stream", "1008"),
}


@pytest.mark.parametrize("case", NO_STREAMS)
def test_a_stream_without_an_answer_is_an_error_of_the_call(instrumented, case):
    body, media_type, kind = NO_STREAMS[case]
    list(client_of_body(body, media_type).chat.completions.create(**ASK, stream=True))

    assert failed_as(instrumented) == kind


@pytest.mark.parametrize("ask", [
    lambda client: client.responses.create(model="m", input="Hello?", stream=True),
    lambda client: client.completions.create(model="m", prompt="Hello?", stream=True),
    lambda client: client.images.generate(model="m", prompt="A cat.", stream=True),
    lambda client: client.audio.transcriptions.create(model="m", file=b"RIFF", stream=True),
])  # fmt: skip
def test_no_stream_of_any_endpoint_ends_without_an_event(instrumented, ask):
    list(ask(client_of_body(b"data: [DONE]\n\n", "text/event-stream")))

    assert failed_as(instrumented) == "no_answer"


def test_a_stream_of_messages_without_an_event_is_an_error(instrumented):
    list(claude_of_body(b"", "text/event-stream").messages.create(**QUESTION, stream=True))

    assert failed_as(instrumented) == "no_answer"


def test_a_stream_that_ends_with_an_error_raises_as_before(instrumented):
    failing = client_of_body(sse({"error": {"code": 502, "message": "No."}}), "text/event-stream")
    with pytest.raises(openai.APIError, match="No"):
        list(failing.chat.completions.create(**ASK, stream=True))

    assert failed_as(instrumented) == "APIError"


AZURE_FILTER = {"id": "", "model": "", "object": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
EMPTY = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ""}}
LEGITIMATE = {
    "an empty text": {**COMPLETION, "choices": [EMPTY]},
    "a filtered answer": {**COMPLETION, "choices": [{**EMPTY, "finish_reason": "content_filter"}]},
    "no choices but usage": {**COMPLETION, "id": "", "choices": []},
    "no choices but an id": {**COMPLETION, "choices": [], "usage": None},
    "an error of null": {**COMPLETION, "error": None, "base_resp": {"status_code": 0}},
}


@pytest.mark.parametrize("case", LEGITIMATE)
def test_an_answer_without_a_text_is_no_error(instrumented, case):
    client_for(LEGITIMATE[case]).chat.completions.create(**ASK)

    assert failed_as(instrumented) is None


@pytest.mark.parametrize(
    "chunks",
    [
        [AZURE_FILTER, chunk({"content": "Hi"}, finish_reason="stop")],
        [chunk({}, finish_reason="content_filter")],
        [{**chunk({}), "choices": [], "id": "", "usage": {"prompt_tokens": 3, "completion_tokens": 0}}],
        [chunk({"content": ""}), chunk({}, finish_reason="stop")],
    ],
)  # fmt: skip
def test_a_stream_without_a_text_is_no_error(instrumented, chunks):
    list(client_for(chunks).chat.completions.create(**ASK, stream=True))

    assert failed_as(instrumented) is None


VECTORS = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}


@pytest.mark.parametrize(
    ("endpoint", "body", "media_type"),
    [
        ("moderations", json.dumps({"id": "modr-1", "model": "m", "results": []}).encode(), "application/json"),
        ("transcriptions", b'{"text": ""}', "application/json"),
        ("transcriptions", b"Hello.", "text/plain"),
        ("transcriptions", b"", "text/plain"),
        ("speech", b"ID3", "audio/mpeg"),
        ("batches", b'{"id": "batch_1", "object": "batch"}', "application/json"),
    ],
)
def test_answers_without_choices_are_no_errors(instrumented, endpoint, body, media_type):
    OPENAI[endpoint](client_of_body(body, media_type))

    assert failed_as(instrumented) is None


def test_vectors_are_no_error(instrumented):
    client_for(VECTORS).embeddings.create(model="m", input="Hello?", encoding_format="float")

    assert failed_as(instrumented) is None


def test_a_stream_left_before_its_first_chunk_is_no_error(instrumented):
    stream = client_of_body(b"", "text/event-stream").chat.completions.create(**ASK, stream=True)
    stream.close()

    assert failed_as(instrumented) is None


def test_a_message_without_blocks_is_no_error(instrumented):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"}
    claude_of_body(json.dumps({**message, "model": "m"}).encode()).messages.create(**QUESTION)

    assert failed_as(instrumented) is None
