"""Streams of the real client from the scripted model: however one ends, its call ends exactly once."""

import asyncio
import copy
import gc
import inspect
import pickle
import time
import weakref

import openai
import pytest
from in_process import httpx
from opentelemetry.context import get_current
from opentelemetry.trace import StatusCode

from otel_llm import names

# what a connection that breaks off is to each major version of the client
BROKEN = openai.APIConnectionError if openai.__version__.startswith("3.") else httpx.RemoteProtocolError
DURATION = names.OPERATION_DURATION.name
FIRST, GAPS = names.TIME_TO_FIRST_CHUNK.name, names.TIME_PER_OUTPUT_CHUNK.name
# what differs from one span to the next
VARYING = {names.RESPONSE_ID, names.RESPONSE_TIME_TO_FIRST_CHUNK, names.SERVER_ADDRESS, names.SERVER_PORT}
REQUEST = {
    names.OPERATION: "chat",
    names.PROVIDER: "openai",
    names.REQUEST_MODEL: "scripted",
    names.REQUEST_STREAM: True,
}
BEGUN = {**REQUEST, names.RESPONSE_MODEL: "scripted"}
READ = {**BEGUN, names.RESPONSE_FINISH_REASONS: ("stop",)}


def ask(client, text="count", **options):
    return client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": text}], stream=True, **options
    )


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def fixed(span):
    """Return the attributes that are the same in each run."""
    return {name: value for name, value in span.attributes.items() if name not in VARYING}


def reading_of(stream):
    return stream._iterator.gi_frame.f_locals["reading"]


def run(async_client, main):
    async def with_client():
        async with async_client:
            return await main(async_client)

    return asyncio.run(with_client())


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


def test_a_stream_that_breaks_midway_ends_with_the_error_and_what_came(instrumented, client):
    received = []
    with pytest.raises(BROKEN):
        received.extend(chunk for chunk in ask(client, "breaks"))

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert fixed(span) == {**BEGUN, names.ERROR_TYPE: BROKEN.__name__}
    (duration,) = instrumented.points(DURATION)
    assert duration.attributes[names.ERROR_TYPE] == BROKEN.__name__


def test_an_asynchronous_stream_that_breaks_midway_ends_with_the_error(instrumented, async_client):
    async def main(client):
        with pytest.raises(BROKEN):
            async for _ in await ask(client, "breaks"):
                pass

    run(async_client, main)
    assert fixed(instrumented.span) == {**BEGUN, names.ERROR_TYPE: BROKEN.__name__}


def test_a_refused_stream_is_a_failed_call(instrumented, client):
    with pytest.raises(openai.RateLimitError):
        ask(client, "rate limit")

    assert fixed(instrumented.span) == {**REQUEST, names.ERROR_TYPE: "RateLimitError"}


def test_a_stream_closed_early_still_ends_its_span(instrumented, client):
    stream = ask(client, "long")
    next(stream)
    stream.close()

    assert fixed(instrumented.span) == BEGUN
    assert instrumented.span.status.status_code is StatusCode.UNSET
    stream.close()
    assert len(instrumented.spans) == 1


def test_leaving_its_context_manager_ends_the_span(instrumented, client):
    with ask(client, "long") as stream:
        next(stream)

    assert fixed(instrumented.span) == BEGUN


def test_a_loop_broken_off_can_be_gone_on_with(instrumented, client):
    stream = ask(client)
    received = []
    for chunk in stream:
        received.append(chunk)
        break
    assert instrumented.spans == []
    received.extend(stream)

    assert text_of(received) == "one two three"
    assert fixed(instrumented.span) == READ


def test_a_loop_broken_off_ends_the_span_as_soon_as_the_stream_is_dropped(instrumented, client):
    def first_chunk():
        for chunk in ask(client, "long"):
            return chunk
        return None

    gc.disable()
    try:
        assert first_chunk() is not None
        span = instrumented.span  # though the garbage collector never ran
    finally:
        gc.enable()
    assert fixed(span) == BEGUN


def test_a_dropped_stream_ended_with_its_last_chunk(instrumented, client):
    stream = ask(client)
    next(stream)
    time.sleep(0.2)  # the app is busy with something else, and then forgets the stream
    del stream

    span = instrumented.span
    first = span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK]
    assert (span.end_time - span.start_time) / 1e9 == pytest.approx(first, abs=0.05)
    (duration,) = instrumented.points(DURATION)
    assert duration.sum == pytest.approx(first)


def test_a_stream_never_iterated_ends_its_span(instrumented, client):
    ask(client)

    assert fixed(instrumented.span) == REQUEST
    assert instrumented.metric_names() == {DURATION}


def test_an_asynchronous_stream_never_iterated_ends_its_span(instrumented, async_client):
    async def main(client):
        await ask(client)

    run(async_client, main)
    assert fixed(instrumented.span) == REQUEST


def test_an_asynchronous_loop_broken_off_ends_its_span(instrumented, async_client):
    async def main(client):
        async for _ in await ask(client, "long"):
            break

    run(async_client, main)
    assert fixed(instrumented.span) == BEGUN


def test_a_cancelled_reader_ends_the_span(instrumented, async_client):
    async def main(client):
        begun = asyncio.Event()

        async def read():
            async for _ in await ask(client, "long"):
                begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(async_client, main)
    assert fixed(instrumented.span) == {**BEGUN, names.ERROR_TYPE: "CancelledError"}


def test_the_callers_own_exception_passes_unchanged_and_is_on_the_span(instrumented, client):
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, ask(client, "long") as stream:  # noqa: PT012
        next(stream)
        raise mine

    assert caught.value is mine
    span = instrumented.span
    assert fixed(span) == {**BEGUN, names.ERROR_TYPE: "ValueError"}
    assert span.status.status_code is StatusCode.ERROR


def test_the_callers_own_exception_in_an_asynchronous_block_is_on_the_span(instrumented, async_client):
    async def main(client):
        async with await ask(client, "long") as stream:
            async for _ in stream:
                raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        run(async_client, main)
    assert fixed(instrumented.span) == {**BEGUN, names.ERROR_TYPE: "ValueError"}


def test_an_exception_that_was_there_before_is_not_the_streams(instrumented, client):
    """The app falls back to another model, inside the handler of the first one's error."""
    try:
        raise TimeoutError  # noqa: TRY301
    except TimeoutError:
        with ask(client, "long") as stream:
            next(stream)

    assert fixed(instrumented.span) == BEGUN


def test_a_generator_of_the_app_that_is_closed_is_no_error(instrumented, client):
    def words():
        with ask(client, "long") as stream:
            yield from stream

    generator = words()
    next(generator)
    generator.close()
    assert fixed(instrumented.span) == BEGUN


def test_the_stream_helper_is_recorded_when_it_is_read(instrumented, client):
    messages = [{"role": "user", "content": "count"}]
    with client.chat.completions.stream(model="scripted", messages=messages) as stream:
        assert stream.get_final_completion().choices[0].message.content == "one two three"

    assert fixed(instrumented.span) == READ


def test_the_stream_helper_closed_early_ends_its_span(instrumented, client):
    messages = [{"role": "user", "content": "long"}]
    with client.chat.completions.stream(model="scripted", messages=messages) as stream:
        next(stream)

    assert fixed(instrumented.span) == BEGUN


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


def test_an_app_can_close_what_it_iterates_itself(instrumented, client):
    stream = ask(client, "long")
    chunks = iter(stream)
    next(chunks)
    chunks.close()
    stream._iterator.close()  # as a library that wraps the client does
    assert next(stream, None) is None

    assert fixed(instrumented.span) == BEGUN


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
