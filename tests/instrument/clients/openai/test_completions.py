"""POST /completions, whole and streamed: whole spans and content."""

import json

import openai
import pytest
from media import BROKEN, WAYS, call, client_of, fixed, served, shared
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import names

TOKENS = {
    names.USAGE_INPUT_TOKENS: 1,
    names.USAGE_OUTPUT_TOKENS: 3,
    names.USAGE_COST: pytest.approx(7e-6),
    names.USAGE_COST_SOURCE: "own",
}
READ = {names.RESPONSE_MODEL: "scripted", names.RESPONSE_FINISH_REASONS: ("stop",)}
STREAM = {names.REQUEST_STREAM: True}


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


def streamed(client, prompt="count", **options):
    return client.completions.create(model="scripted", prompt=prompt, stream=True, **options)


@pytest.mark.parametrize("way", WAYS)
def test_a_completion_is_one_span_whatever_way_it_is_asked_for(instrumented, url, way):
    call(way, url, "completions.create", model="scripted", prompt="count")

    span = instrumented.span
    assert (span.name, span.kind) == ("text_completion scripted", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {**shared(url, "text_completion"), **READ, **TOKENS}
    assert span.attributes[names.RESPONSE_ID].startswith("cmpl-")


def test_a_completion_says_all_that_its_request_does(instrumented, url):
    with client_of(url) as client:
        client.completions.create(
            model="scripted", prompt="count", n=2, max_tokens=2, stop=["END"], seed=7, temperature=0, top_p=0.5,
            frequency_penalty=1, presence_penalty=0.25,
        )  # fmt: skip

    attributes = fixed(instrumented.span)
    assert attributes == {
        **shared(url, "text_completion"),
        names.REQUEST_CHOICE_COUNT: 2,
        names.REQUEST_MAX_TOKENS: 2,
        names.REQUEST_STOP_SEQUENCES: ("END",),
        names.REQUEST_SEED: 7,
        names.REQUEST_TEMPERATURE: 0.0,
        names.REQUEST_TOP_P: 0.5,
        names.REQUEST_FREQUENCY_PENALTY: 1.0,
        names.REQUEST_PRESENCE_PENALTY: 0.25,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("length", "length"),
        names.USAGE_INPUT_TOKENS: 1,
        names.USAGE_OUTPUT_TOKENS: 4,
        names.USAGE_COST: pytest.approx(9e-6),
        names.USAGE_COST_SOURCE: "own",
    }
    assert type(attributes[names.REQUEST_TEMPERATURE]) is float


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_has_the_tokens_that_it_is_asked_to_send(instrumented, url, way):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    call(way, url, "completions.create", model="scripted", prompt="count", **options)

    span = instrumented.span
    assert fixed(span) == {**shared(url, "text_completion"), **STREAM, **READ, **TOKENS}
    assert 0 < span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < 10


def test_no_tokens_are_claimed_where_none_are_streamed(instrumented, url):
    call("sync", url, "completions.create", model="scripted", prompt="count", stream=True)

    assert fixed(instrumented.span) == {**shared(url, "text_completion"), **STREAM, **READ}


def test_a_stream_closed_early_ends_with_what_came(instrumented, url):
    with client_of(url) as client, streamed(client) as stream:
        next(stream)

    span = instrumented.span
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {**shared(url, "text_completion"), **STREAM, names.RESPONSE_MODEL: "scripted"}


def test_a_stream_that_breaks_midway_ends_with_the_error_and_what_came(exported, url):
    exported.instrument(capture_content=True)
    with client_of(url) as client, pytest.raises(BROKEN):
        list(streamed(client, "breaks"))

    attributes = exported.span.attributes
    assert exported.span.status.status_code is StatusCode.ERROR
    assert attributes[names.ERROR_TYPE] == BROKEN.__name__
    assert json.loads(attributes[names.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "one two"}], "finish_reason": "error"}
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_the_provider_is_the_callers_and_the_spans(instrumented, url, stream):
    with pytest.raises(openai.RateLimitError):
        call("sync", url, "completions.create", model="scripted", prompt="slow down", stream=stream)

    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert fixed(instrumented.span) == {
        **shared(url, "text_completion"),
        **(STREAM if stream else {}),
        names.ERROR_TYPE: "RateLimitError",
    }


@pytest.mark.parametrize("stream", [False, True])
def test_prompt_and_texts_are_recorded_where_asked_for(exported, url, stream):
    exported.instrument(capture_content=True)
    call("sync", url, "completions.create", model="scripted", prompt=["count"], n=2, stream=stream)

    attributes = exported.span.attributes
    assert json.loads(attributes[names.INPUT_MESSAGES]) == [
        {"role": "user", "parts": [{"type": "text", "content": "count"}]}
    ]
    text = {"type": "text", "content": "one two three"}
    assert (
        json.loads(attributes[names.OUTPUT_MESSAGES])
        == [{"role": "assistant", "parts": [text], "finish_reason": "stop"}] * 2
    )
