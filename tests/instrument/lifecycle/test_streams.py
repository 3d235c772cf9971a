"""Streams of the real client from the scripted model: recorded whole, and as the client made them."""

import copy
import gc
import inspect
import pickle
import weakref

import openai
import pytest
from chat_streams import DURATION, READ, ask, fixed, run, text_of
from opentelemetry.context import get_current
from opentelemetry.trace import StatusCode

from otel_llm import names

FIRST, GAPS = names.TIME_TO_FIRST_CHUNK.name, names.TIME_PER_OUTPUT_CHUNK.name


def reading_of(stream):
    return stream._iterator.gi_frame.f_locals["reading"]


def test_a_stream_read_to_the_end_is_recorded_whole(instrumented, client):
    stream = ask(client, stream_options={"include_usage": True})
    assert isinstance(stream, openai.Stream)
    assert text_of(stream) == "one two three"
    assert list(stream) == []

    span = instrumented.span
    attributes = fixed(span)
    assert attributes.pop(names.USAGE_COST) == pytest.approx(26e-6)
    assert attributes.pop(names.USAGE_COST_SOURCE) == "own"
    for zero in (names.USAGE_CACHE_READ_INPUT_TOKENS, names.USAGE_REASONING_OUTPUT_TOKENS):
        assert attributes.pop(zero, 0) == 0
    assert attributes == {**READ, names.USAGE_INPUT_TOKENS: 20, names.USAGE_OUTPUT_TOKENS: 3}
    assert span.status.status_code is StatusCode.UNSET
    assert 0 < span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < (span.end_time - span.start_time) / 1e9
    (first,) = instrumented.points(FIRST)
    assert first.sum == span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK]
    assert dict(first.attributes) == {
        name: span.attributes[name]
        for name in (
            names.OPERATION, names.PROVIDER, names.REQUEST_MODEL, names.SERVER_ADDRESS, names.SERVER_PORT,
            names.RESPONSE_MODEL,
        )
    }  # fmt: skip


def test_each_chunk_after_the_first_is_one_gap(instrumented, client):
    chunks = len(list(ask(client, "long")))

    (first,) = instrumented.points(FIRST)
    (gaps,) = instrumented.points(GAPS)
    assert (first.count, gaps.count) == (1, chunks - 1)
    assert gaps.explicit_bounds == names.TIME_PER_OUTPUT_CHUNK.buckets
    (duration,) = instrumented.points(DURATION)
    assert 0 < gaps.sum <= duration.sum - first.sum


def test_no_tokens_are_claimed_where_the_provider_streams_none(instrumented, client):
    assert text_of(ask(client)) == "one two three"

    assert fixed(instrumented.span) == READ
    assert instrumented.metric_names() == {DURATION, FIRST, GAPS}


def test_an_asynchronous_stream_is_recorded_as_a_synchronous_one(instrumented, async_client):
    async def main(client):
        stream = await ask(client)
        assert isinstance(stream, openai.AsyncStream)
        return text_of([chunk async for chunk in stream])

    assert run(async_client, main) == "one two three"
    assert fixed(instrumented.span) == READ


def test_the_stream_helper_is_recorded_when_it_is_read(instrumented, client):
    messages = [{"role": "user", "content": "count"}]
    with client.chat.completions.stream(model="scripted", messages=messages) as stream:
        assert stream.get_final_completion().choices[0].message.content == "one two three"

    assert fixed(instrumented.span) == READ


def test_a_stream_behind_a_raw_response_is_recorded(instrumented, client):
    raw = client.chat.completions.with_raw_response.create(
        model="scripted", messages=[{"role": "user", "content": "count"}], stream=True
    )
    assert text_of(raw.parse()) == "one two three"

    assert fixed(instrumented.span) == READ


def test_a_stream_stays_what_the_client_made_it(exported, client):
    plain = ask(client)
    exported.instrument()
    stream = ask(client)

    assert type(stream) is type(plain) is openai.Stream
    assert vars(stream).keys() == vars(plain).keys()
    assert stream.response.status_code == 200
    assert inspect.isgenerator(iter(stream))
    list(stream)
    assert "close" not in vars(stream.response)
    assert pickle.loads(pickle.dumps(stream.response)).status_code == 200
    assert copy.copy(stream).response is stream.response
    plain.close()


def test_no_context_is_left_attached_while_a_stream_is_read(instrumented, client):
    before = get_current()
    stream = ask(client)
    assert get_current() is before
    next(stream)
    assert get_current() is before
    list(stream)
    assert get_current() is before


def test_a_stream_that_ended_is_freed_without_the_garbage_collector(instrumented, client):
    gc.disable()
    try:
        stream = ask(client)
        call = weakref.ref(reading_of(stream)._call)
        list(stream)
        del stream
        instrumented.spans  # noqa: B018 - waits for the worker
        assert call() is None
    finally:
        gc.enable()


def test_streams_leave_nothing_behind(instrumented, client):
    kept = []
    for _ in range(3):
        stream = ask(client)
        kept.append(weakref.ref(reading_of(stream)))
        list(stream)
    del stream
    instrumented.spans  # noqa: B018 - waits for the worker
    gc.collect()

    assert [reading() for reading in kept] == [None, None, None]
