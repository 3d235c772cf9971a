"""Libraries that wait for the next chunk in a task of their own, and cancel the task when the app has enough.

pydantic-ai is one of them: `Agent.run_stream`, `stream_text()` left by `break`.
"""

import asyncio
import contextlib
import json

import anthropic
import openai
import pytest
from failed_calls import failed_as
from in_process import chunk, httpx
from in_process_anthropic import QUESTION, http
from small_library import made

from otel_llm import names
from otel_llm.instrument.lifecycle.wrap_generator import wrap_async_generator

CHUNK = f"data: {json.dumps(chunk({'content': 'Hel'}))}\n\n".encode()
EVENT = b'event: message_start\ndata: {"type": "message_start", "message": {"id": "msg_1", "usage": {}}}\n\n'


def waiting(library, pieces, error):
    """Return a transport whose body has these pieces, then raises the error, or never ends."""

    class Body(library.AsyncByteStream):
        async def __aiter__(self):
            for piece in pieces:
                yield piece
            if error is not None:
                raise error
            await asyncio.Event().wait()

    headers = {"content-type": "text/event-stream"}
    return library.AsyncClient(
        transport=library.MockTransport(lambda _: library.Response(200, headers=headers, stream=Body()))
    )


async def openai_stream(count, error=None):
    client = openai.AsyncOpenAI(api_key="none", max_retries=0, http_client=waiting(httpx, [CHUNK] * count, error))
    return await client.chat.completions.create(model="m", messages=[], stream=True)


async def anthropic_stream(count, error=None):
    client = anthropic.AsyncAnthropic(
        api_key="none", max_retries=0, http_client=waiting(http, [EVENT] * count, error)
    )
    return await client.messages.create(**QUESTION, stream=True)


STREAMS = [openai_stream, anthropic_stream]


async def leave_by_cancelling(stream, *, after):
    """Read chunks, wait for a further one in a task, and cancel the task."""
    for _ in range(after):
        await anext(stream)
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.parametrize("open_stream", STREAMS)
@pytest.mark.parametrize("after", [1, 3])
def test_a_further_chunk_that_is_no_longer_waited_for_is_no_error(instrumented, open_stream, after):
    async def main():
        stream = await open_stream(after)
        await leave_by_cancelling(aiter(stream), after=after)

    asyncio.run(main())
    assert failed_as(instrumented) is None


@pytest.mark.parametrize("open_stream", STREAMS)
def test_a_first_chunk_that_is_no_longer_waited_for_is_an_error(instrumented, open_stream):
    async def main():
        stream = await open_stream(0)
        await leave_by_cancelling(aiter(stream), after=0)

    asyncio.run(main())
    assert failed_as(instrumented) == "CancelledError"


def test_a_cancelled_request_is_an_error(instrumented):
    async def main():
        blocked = asyncio.Event()

        async def never(_):
            blocked.set()
            await asyncio.Event().wait()

        http_client = httpx.AsyncClient(transport=httpx.MockTransport(never))
        client = openai.AsyncOpenAI(api_key="none", max_retries=0, http_client=http_client)
        task = asyncio.create_task(client.chat.completions.create(model="m", messages=[], stream=True))
        await blocked.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert failed_as(instrumented) == "CancelledError"


def test_a_timeout_around_the_whole_loop_leaves_the_stream(instrumented):
    async def main():
        async with await openai_stream(2) as stream:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    async for _ in stream:
                        pass

    asyncio.run(main())
    assert failed_as(instrumented) is None


def test_a_connection_that_breaks_while_a_chunk_is_waited_for_is_an_error(instrumented):
    async def main():
        stream = await openai_stream(1, httpx.ReadError("broken"))
        with pytest.raises((openai.APIConnectionError, httpx.ReadError)):
            async for _ in stream:
                pass

    asyncio.run(main())
    assert failed_as(instrumented) in {"APIConnectionError", "ReadError"}


async def words(*, model):
    yield "one"
    await asyncio.Event().wait()


@pytest.mark.parametrize("wrapped", [None, wrap_async_generator])
def test_any_client_whose_stream_is_left_so_has_no_error(exported, monkeypatch, wrapped):
    library = made(monkeypatch, ask=words, **({} if wrapped is None else {"wrapped": wrapped}))
    exported.instrument()

    async def main():
        await leave_by_cancelling(library.ask(model="m"), after=1)

    asyncio.run(main())
    assert failed_as(exported) is None
    assert exported.span.attributes[names.RESPONSE_ID] == "one"
