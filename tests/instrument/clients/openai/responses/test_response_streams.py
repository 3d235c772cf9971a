"""Streams of the Responses API: however one ends, its span says what came."""

import json

import openai
import pytest
from in_process import client_for
from opentelemetry.trace import StatusCode
from response_calls import ANSWERED, BROKEN, REQUEST, STREAMED, Plan, ask, fixed, run, text_of
from response_objects import response

from otel_llm import names

BEGUN = {**STREAMED, names.RESPONSE_MODEL: "scripted"}


def test_a_stream_read_to_its_end_says_what_a_call_says(instrumented, client):
    assert text_of(ask(client, stream=True)) == "one two three"

    span = instrumented.span
    assert fixed(span) == {**STREAMED, **ANSWERED}
    assert 0 < span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < (span.end_time - span.start_time) / 1e9


def test_an_asynchronous_stream_says_what_a_call_says(instrumented, async_client):
    async def main(client):
        return [event async for event in await ask(client, stream=True)]

    assert text_of(run(async_client, main)) == "one two three"
    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


def test_the_stream_helper_is_recorded_when_it_is_read(instrumented, client):
    with client.responses.stream(model="scripted", input="plan", text_format=Plan) as stream:
        assert stream.get_final_response().output_parsed == Plan(city="Graz", days=2)

    attributes = instrumented.span.attributes
    assert attributes[names.RESPONSE_FINISH_REASONS] == ("stop",)
    assert attributes[names.OUTPUT_TYPE] == "json"


def test_the_asynchronous_stream_helper_is_recorded_when_it_is_read(instrumented, async_client):
    async def main(client):
        async with client.responses.stream(model="scripted", input="count") as stream:
            return [event.type async for event in stream][-1]

    assert run(async_client, main) == "response.completed"
    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


def test_a_stream_of_a_raw_response_is_recorded(instrumented, client):
    raw = client.responses.with_raw_response.create(model="scripted", input="count", stream=True)

    assert text_of(raw.parse()) == "one two three"
    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


@pytest.mark.parametrize("way", ["lines", "bytes", "parse", "text"])
def test_of_a_streaming_response_the_tokens_are_recovered(instrumented, client, way):
    with client.responses.with_streaming_response.create(model="scripted", input="count", stream=True) as response:
        if way == "lines":
            assert "event: response.completed" in list(response.iter_lines())
        elif way == "bytes":
            assert b"response.completed" in b"".join(response.iter_bytes())
        elif way == "text":
            assert "response.completed" in "".join(response.iter_text())
        else:
            assert text_of(response.parse()) == "one two three"

    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


def test_of_a_streaming_response_that_is_no_stream_the_tokens_are_recovered(instrumented, client):
    with client.responses.with_streaming_response.create(model="scripted", input="count") as response:
        assert json.loads(response.read())["status"] == "completed"

    assert fixed(instrumented.span) == {**REQUEST, **ANSWERED}


def test_an_error_at_the_start_of_a_stream_is_the_callers_and_the_spans(instrumented, client):
    with pytest.raises(openai.RateLimitError):
        ask(client, "rate limit", stream=True)

    assert fixed(instrumented.span) == {**STREAMED, names.ERROR_TYPE: "RateLimitError"}


def test_a_response_that_fails_midway_is_an_error_though_the_stream_ends(instrumented, client):
    events = list(ask(client, "fails midway", stream=True))

    assert events[-1].type == "response.failed"
    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert fixed(span) == {
        **BEGUN,
        names.RESPONSE_FINISH_REASONS: ("error",),
        names.ERROR_TYPE: "server_error",
    }


def test_an_error_event_is_an_error_though_the_stream_ends(instrumented):
    events = [
        {"type": "response.created", "sequence_number": 0, "response": response(status="in_progress", usage=None)},
        {"type": "error", "sequence_number": 1, "code": "ERR_SOMETHING", "message": "It broke.", "param": None},
    ]
    stream = client_for(events).responses.create(model="m", input="Hello?", stream=True)

    assert [event.type for event in stream] == ["response.created", "error"]
    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "ERR_SOMETHING"
    assert span.attributes[names.RESPONSE_ID] == "resp_1"


def test_a_stream_broken_off_midway_is_an_error_with_what_came(instrumented, client):
    received = []

    def read_to_the_end():
        for event in ask(client, "breaks", stream=True):
            received.append(event)

    with pytest.raises(BROKEN):
        read_to_the_end()

    assert text_of(received) == "one two"
    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert fixed(span) == {**BEGUN, names.ERROR_TYPE: BROKEN.__name__}
    assert names.RESPONSE_ID in span.attributes


def test_a_stream_closed_early_still_ends_its_span(instrumented, client):
    stream = ask(client, "long", stream=True)
    next(stream)
    stream.close()

    assert fixed(instrumented.span) == BEGUN
    assert instrumented.span.status.status_code is StatusCode.UNSET


def test_the_stream_helper_closed_early_ends_its_span(instrumented, client):
    with client.responses.stream(model="scripted", input="long") as stream:
        next(stream)

    assert fixed(instrumented.span) == BEGUN


def test_the_callers_own_exception_passes_unchanged_and_is_on_the_span(instrumented, client):
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, ask(client, "long", stream=True) as stream:  # noqa: PT012
        next(stream)
        raise mine

    assert caught.value is mine
    assert fixed(instrumented.span) == {**BEGUN, names.ERROR_TYPE: "ValueError"}
