"""POST /audio/speech, /audio/transcriptions and /audio/translations: whole spans, streams and content."""

import json

import openai
import pytest
from media import BROKEN, WAYS, call, client_of, fixed, recorded_media, served, shared
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import names

# the client's own word on translations
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

FILE = ("talk.wav", bytes(16_000))
HEARD = {
    names.USAGE_INPUT_TOKENS: 12,
    names.USAGE_TEXT_INPUT_TOKENS: 2,
    names.USAGE_AUDIO_INPUT_TOKENS: 10,
    names.USAGE_OUTPUT_TOKENS: 3,
    names.USAGE_COST: pytest.approx(18e-6),
    names.USAGE_COST_SOURCE: "own",
}
SAID = {
    names.USAGE_INPUT_TOKENS: 2,
    names.USAGE_OUTPUT_TOKENS: 10,
    names.USAGE_COST: pytest.approx(22e-6),
    names.USAGE_COST_SOURCE: "own",
}
HEARING = {names.OUTPUT_TYPE: "text"}
SAYING = {names.OUTPUT_TYPE: "speech"}
STREAM = {names.REQUEST_STREAM: True}


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


def transcribe(way, url, **options):
    asked = {"model": "scripted", "file": FILE, "prompt": "about numbers", **options}
    call(way, url, "audio.transcriptions.create", **asked)


def say(way, url, text="two words", **options):
    call(way, url, "audio.speech.create", model="scripted", voice="alloy", input=text, **options)


@pytest.mark.parametrize("way", WAYS)
def test_a_transcription_is_one_span_whatever_way_it_is_asked_for(instrumented, url, way):
    transcribe(way, url, temperature=0)

    span = instrumented.span
    assert (span.name, span.kind) == ("transcribe_audio scripted", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {
        **shared(url, "transcribe_audio"), **HEARING, names.REQUEST_TEMPERATURE: 0.0, **HEARD,
    }  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("response_format", ["verbose_json", "text"])
def test_seconds_are_no_tokens_and_a_text_has_neither(instrumented, url, way, response_format):
    transcribe(way, url, response_format=response_format)

    assert fixed(instrumented.span) == {**shared(url, "transcribe_audio"), **HEARING}
    assert instrumented.metric_names() == {names.OPERATION_DURATION.name}


def test_seconds_are_paid_by_the_hour(exported, client, tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text("[models.scripted]\naudio_usd_per_hour = 0.36\n")
    exported.instrument(prices=path)
    answer = client.audio.transcriptions.create(model="scripted", file=FILE, response_format="verbose_json")

    assert exported.span.attributes[names.USAGE_COST] == pytest.approx(answer.usage.seconds * 0.36 / 3_600)
    assert exported.metric_names() == {names.OPERATION_DURATION.name, names.COST.name}


@pytest.mark.parametrize("way", WAYS)
def test_a_streamed_transcript_has_its_tokens_and_its_first_chunk(instrumented, url, way):
    transcribe(way, url, stream=True)

    span = instrumented.span
    assert fixed(span) == {**shared(url, "transcribe_audio"), **HEARING, **STREAM, **HEARD}
    assert 0 < span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < 10


def streamed(client, prompt="about numbers"):
    return client.audio.transcriptions.create(model="scripted", file=FILE, prompt=prompt, stream=True)


def test_a_stream_closed_early_ends_with_what_was_heard(exported, url):
    exported.instrument(capture_content=True)
    with client_of(url) as client, streamed(client) as stream:
        next(stream)

    span = exported.span
    attributes = fixed(span)
    assert span.status.status_code is StatusCode.UNSET
    assert json.loads(attributes.pop(names.OUTPUT_MESSAGES)) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "one"}], "finish_reason": "unknown"}
    ]
    attributes.pop(names.INPUT_MESSAGES)
    assert attributes == {**shared(url, "transcribe_audio"), **HEARING, **STREAM}


def test_a_stream_that_breaks_midway_ends_with_the_error(instrumented, url):
    with client_of(url) as client, pytest.raises(BROKEN):
        list(streamed(client, "breaks"))

    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert fixed(instrumented.span) == {
        **shared(url, "transcribe_audio"), **HEARING, **STREAM, names.ERROR_TYPE: BROKEN.__name__,
    }  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("response_format", ["json", "verbose_json"])
def test_a_translation_is_one_span_without_tokens(instrumented, url, way, response_format):
    call(way, url, "audio.translations.create", model="scripted", file=FILE, response_format=response_format)

    assert instrumented.span.name == "translate_audio scripted"
    assert fixed(instrumented.span) == {**shared(url, "translate_audio"), **HEARING}


@pytest.mark.parametrize("way", WAYS)
def test_speech_is_one_span_which_claims_no_tokens_of_a_body_of_sound(instrumented, url, way):
    say(way, url, response_format="wav")

    span = instrumented.span
    assert (span.name, span.kind) == ("generate_speech scripted", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {**shared(url, "generate_speech"), **SAYING}


@pytest.mark.parametrize("way", WAYS)
def test_speech_as_events_has_its_tokens(instrumented, url, way):
    say(way, url, stream_format="sse")

    span = instrumented.span
    assert fixed(span) == {**shared(url, "generate_speech"), **SAYING, **STREAM, **SAID}
    # the other ways give the events as one body, when it is whole
    assert (names.RESPONSE_TIME_TO_FIRST_CHUNK in span.attributes) == ("response" in way)


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_sound_that_breaks_off_is_an_error_without_tokens(instrumented, url, stream_format):
    with pytest.raises(openai.APIConnectionError):
        say("sync", url, "this breaks off", stream_format=stream_format)

    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert fixed(instrumented.span) == {
        **shared(url, "generate_speech"),
        **SAYING,
        **(STREAM if stream_format == "sse" else {}),
        names.ERROR_TYPE: "APIConnectionError",
    }


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_body_of_sound_that_is_closed_early_ends_its_span(instrumented, url, stream_format):
    with client_of(url) as client:
        speaking = client.audio.speech.with_streaming_response.create(
            model="scripted", voice="alloy", input="some words", stream_format=stream_format
        )
        with speaking as response:
            pieces = response.iter_bytes(16)
            assert next(pieces)
            assert instrumented.spans == []

    assert instrumented.span.status.status_code is StatusCode.UNSET
    assert names.USAGE_INPUT_TOKENS not in instrumented.span.attributes


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("generate_speech", lambda url: say("sync", url, "slow down")),
        ("transcribe_audio", lambda url: transcribe("sync", url, prompt="slow down")),
        (
            "translate_audio",
            lambda url: call(
                "sync", url, "audio.translations.create", model="scripted", file=FILE, prompt="slow down"
            ),
        ),
    ],
)
def test_an_error_of_the_provider_is_the_callers_and_the_spans(instrumented, url, operation, ask):
    with pytest.raises(openai.RateLimitError):
        ask(url)

    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert fixed(instrumented.span) == {
        **shared(url, operation),
        **(SAYING if operation == "generate_speech" else HEARING),
        names.ERROR_TYPE: "RateLimitError",
    }


def said(part, role="assistant"):
    message = {"role": role, "parts": [part]}
    return [{**message, "finish_reason": "stop"} if role == "assistant" else message]


@pytest.mark.parametrize("options", [{}, {"response_format": "verbose_json"}, {"stream": True}])
def test_a_transcript_is_recorded_as_text_and_the_file_never(exported, url, options):
    exported.instrument(capture_content=True)
    transcribe("sync", url, **options)

    attributes = exported.span.attributes
    asked = said({"type": "text", "content": "about numbers"}, "user")
    assert json.loads(attributes[names.INPUT_MESSAGES]) == asked
    assert json.loads(attributes[names.OUTPUT_MESSAGES]) == said({"type": "text", "content": "one two three"})


def test_a_transcript_that_is_a_text_is_recorded_as_it_is(exported, url):
    exported.instrument(capture_content=True)
    transcribe("sync", url, response_format="text", prompt=openai.omit)

    attributes = exported.span.attributes
    assert json.loads(attributes[names.OUTPUT_MESSAGES]) == said({"type": "text", "content": "one two three\n"})
    assert names.INPUT_MESSAGES not in attributes


def test_what_is_to_be_said_is_recorded_and_the_sound_by_its_hash(exported, url):
    exported.instrument(capture_content=True)
    with client_of(url) as client:
        speech = client.audio.speech.create(
            model="scripted", voice="alloy", input="hello", instructions="Whisper.", response_format="wav"
        )

    attributes = exported.span.attributes
    asked = said({"type": "text", "content": "hello"}, "user")
    assert json.loads(attributes[names.INPUT_MESSAGES]) == asked
    assert json.loads(attributes[names.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Whisper."}]
    sound = recorded_media(speech.content, "audio", "audio/wav")
    assert json.loads(attributes[names.OUTPUT_MESSAGES]) == said(sound)
