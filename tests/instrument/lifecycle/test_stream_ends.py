"""However a stream ends, its call ends exactly once."""

import asyncio
import gc
import time

import openai
import pytest
from chat_streams import BEGUN, DURATION, READ, REQUEST, ask, fixed, run, text_of
from in_process import httpx
from opentelemetry.trace import StatusCode

from otel_llm import names

# what a connection that breaks off is to each major version of the client
BROKEN = openai.APIConnectionError if openai.__version__.startswith("3.") else httpx.RemoteProtocolError


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


def test_a_reader_cancelled_after_a_chunk_has_left_the_stream(instrumented, async_client):
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
    assert fixed(instrumented.span) == BEGUN
    assert instrumented.span.status.status_code is StatusCode.UNSET
    (duration,) = instrumented.points(DURATION)
    assert names.ERROR_TYPE not in duration.attributes


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


def test_the_stream_helper_closed_early_ends_its_span(instrumented, client):
    messages = [{"role": "user", "content": "long"}]
    with client.chat.completions.stream(model="scripted", messages=messages) as stream:
        next(stream)

    assert fixed(instrumented.span) == BEGUN


def test_an_app_can_close_what_it_iterates_itself(instrumented, client):
    stream = ask(client, "long")
    chunks = iter(stream)
    next(chunks)
    chunks.close()
    stream._iterator.close()  # as a library that wraps the client does
    assert next(stream, None) is None

    assert fixed(instrumented.span) == BEGUN
