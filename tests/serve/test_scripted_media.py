"""Images and audio of the scripted model, as the real client sees them."""

import base64
import io
import json
import wave

import httpx
import openai
import pytest

from otel_llm.serve.http import body

PNG = b"\x89PNG\r\n\x1a\n"
RULES = """
[[rule]]
match = "refused"
status = 400
error = { message = "No.", code = "moderation_blocked" }

[[rule]]
match = "cut"
answer = "one two three"
break_after_chunks = 2

[[rule]]
match = "counted"
answer = "counted"
usage = { prompt_tokens = 10, prompt_audio_tokens = 4, prompt_image_tokens = 6, completion_tokens = 20 }

[[rule]]
answer = "one two three"
"""


# the client's own word on variations and translations
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


@pytest.fixture
def client(scripted):
    return scripted(RULES)


def test_an_image_is_a_real_one_and_counted_by_modality(client):
    answer = client.images.generate(model="scripted", prompt="a red cat", n=2)

    images = [base64.b64decode(image.b64_json) for image in answer.data]
    assert all(image.startswith(PNG) for image in images)
    assert images[0] != images[1]
    assert (answer.usage.input_tokens_details.text_tokens, answer.usage.output_tokens) == (3, 544)
    assert answer.usage.total_tokens == 547


def test_an_image_by_url_can_be_fetched_and_has_no_tokens(client):
    answer = client.images.generate(prompt="a red cat", response_format="url")

    fetched = httpx.get(answer.data[0].url)
    assert fetched.content.startswith(PNG)
    assert fetched.headers["content-type"] == "image/png"
    assert answer.usage is None
    assert httpx.get(answer.data[0].url.rpartition("/")[0] + "/none.png").status_code == 404


def test_images_to_edit_and_vary_are_sent_as_files(client):
    edited = client.images.edit(model="scripted", image=[b"one", b"two"], mask=b"mask", prompt="blue")
    varied = client.images.create_variation(image=("cat.png", b"one"), n=2)

    assert edited.usage.input_tokens_details.image_tokens == 3 * 64
    assert len(varied.data) == 2


@pytest.mark.parametrize(
    ("kind", "ask"),
    [
        ("image_generation", lambda client, **options: client.images.generate(**options)),
        ("image_edit", lambda client, **options: client.images.edit(image=b"one", **options)),
    ],
)
def test_a_stream_of_images_is_partial_ones_and_then_the_whole(client, kind, ask):
    events = list(ask(client, model="scripted", prompt="a cat", stream=True, partial_images=2))

    assert [event.type for event in events] == [f"{kind}.partial_image"] * 2 + [f"{kind}.completed"]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    assert base64.b64decode(events[2].b64_json).startswith(PNG)
    assert events[2].usage.output_tokens == 272


@pytest.mark.parametrize(("audio_format", "head"), [("mp3", b"\xff\xfb"), ("wav", b"RIFF"), ("pcm", b"\0\0")])
def test_speech_is_silence_as_long_as_its_text(client, audio_format, head):
    speech = client.audio.speech.create(
        model="scripted", voice="alloy", input="one two", response_format=audio_format
    )

    assert speech.content.startswith(head)
    if audio_format == "wav":
        with wave.open(io.BytesIO(speech.content)) as sound:
            assert sound.getnframes() / sound.getframerate() == 0.5
    if audio_format == "mp3":
        assert len(speech.content) == 2 * 10 * 417


def test_the_sound_of_a_blank_text_is_a_whole_file_of_no_length(client):
    speech = client.audio.speech.create(model="scripted", voice="alloy", input=" ", response_format="wav")

    with wave.open(io.BytesIO(speech.content)) as sound:
        assert sound.getnframes() == 0


def test_speech_as_events_ends_with_its_tokens(client):
    speech = client.audio.speech.create(model="scripted", voice="alloy", input="one two", stream_format="sse")

    events = [json.loads(line[6:]) for line in speech.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events] == ["speech.audio.delta"] * 2 + ["speech.audio.done"]
    assert base64.b64decode(events[0]["audio"]).startswith(b"\xff\xfb")
    assert events[2]["usage"] == {"input_tokens": 2, "output_tokens": 10, "total_tokens": 12}


def transcribe(client, **options):
    return client.audio.transcriptions.create(
        **{"model": "scripted", "file": ("talk.wav", bytes(16_000)), **options}
    )


def test_a_transcript_is_the_rules_answer_with_tokens_of_text_and_audio(client):
    answer = transcribe(client, prompt="about numbers")

    assert answer.text == "one two three"
    assert answer.usage.type == "tokens"
    assert answer.usage.input_token_details.to_dict() == {"text_tokens": 2, "audio_tokens": 10}
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 3)


def test_a_verbose_transcript_counts_seconds(client):
    answer = transcribe(client, response_format="verbose_json", timestamp_granularities=["segment"])

    assert answer.duration == 1.0
    assert answer.usage.to_dict() == {"type": "duration", "seconds": 1.0}
    assert [segment.text for segment in answer.segments] == ["one two three"]


def test_a_transcript_as_text_is_text(client):
    assert transcribe(client, response_format="text") == "one two three\n"


def test_a_streamed_transcript_is_words_and_then_the_whole(client):
    events = list(transcribe(client, stream=True))

    assert [event.delta for event in events[:3]] == ["one", " two", " three"]
    assert (events[3].text, events[3].usage.output_tokens) == ("one two three", 3)


def test_a_translation_reports_no_usage(client):
    file = ("talk.wav", bytes(8_000))
    answer = client.audio.translations.create(model="scripted", file=file)
    verbose = client.audio.translations.create(model="scripted", file=file, response_format="verbose_json")

    assert answer.to_dict() == {"text": "one two three"}
    assert (verbose.text, verbose.duration, verbose.to_dict()["task"]) == ("one two three", 0.5, "translate")


def test_tokens_are_those_that_the_rule_states(client):
    drawn = client.images.generate(prompt="counted").usage
    heard = transcribe(client, prompt="counted").usage

    assert (drawn.input_tokens, drawn.output_tokens) == (10, 20)
    assert drawn.input_tokens_details.to_dict() == {"text_tokens": 4, "image_tokens": 6}
    assert (heard.input_tokens, heard.output_tokens) == (10, 20)
    assert heard.input_token_details.to_dict() == {"text_tokens": 6, "audio_tokens": 4}


def test_rules_match_the_prompt_or_else_the_files_name(client):
    with pytest.raises(openai.BadRequestError, match=r"No\."):
        client.images.generate(prompt="refused")
    with pytest.raises(openai.BadRequestError, match=r"No\."):
        client.images.create_variation(image=("refused.png", b"one"))
    with pytest.raises(openai.BadRequestError, match=r"No\."):
        transcribe(client, file=("refused.wav", b"sound"))


def test_a_stream_and_a_whole_answer_are_cut_where_the_rule_says(client):
    received = []
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        received.extend(event for event in transcribe(client, prompt="cut", stream=True))
    assert len(received) == 2
    with pytest.raises(openai.APIConnectionError):
        client.images.generate(prompt="cut")


@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        ("images/edits", {"prompt": "blue"}, "image"),
        ("images/edits", {"prompt": "blue", "image": "no file"}, "image"),
        ("audio/transcriptions", {"model": "scripted"}, "file"),
        ("audio/transcriptions", {"model": "scripted", "response_format": "srt"}, "response_format"),
        ("audio/translations", {"model": "scripted", "surprise": "1"}, "surprise"),
    ],
)
def test_a_wrong_form_is_told_by_its_parameter(scripted_url, path, form, param):
    files = {} if param in {"image", "file"} else {"file": ("talk.wav", b"sound")}
    answer = httpx.post(f"{scripted_url('')}/{path}", data=form, files=files or {"mask": ("mask.png", b"mask")})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(param)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, 415),
        ({"content-type": "multipart/form-data"}, 400),
        ({"content-type": "multipart/form-data; boundary=x"}, 400),
    ],
)
def test_what_is_no_form_is_refused(scripted_url, headers, status):
    answer = httpx.post(f"{scripted_url('')}/images/edits", content=b"--y\r\nnothing", headers=headers)

    assert answer.status_code == status
    assert "form" in answer.json()["error"]["message"]


def test_a_form_with_files_has_a_limit_of_its_own(scripted_url, monkeypatch):
    monkeypatch.setattr(body, "_FILES_LIMIT", 1 << 10)
    url = scripted_url("")

    def vary(size):
        return httpx.post(f"{url}/images/variations", files={"image": ("cat.png", bytes(size))})

    assert vary(1 << 20).status_code == 200
    assert vary((1 << 20) + (1 << 10)).status_code == 413


def test_what_no_script_can_draw_or_say_is_refused(client):
    with pytest.raises(openai.BadRequestError, match="output_format"):
        client.images.generate(prompt="a cat", output_format="webp")
    with pytest.raises(openai.BadRequestError, match="response_format"):
        client.audio.speech.create(model="scripted", voice="alloy", input="hello", response_format="opus")
