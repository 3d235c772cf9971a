"""All the ways in which a call or a stream ends: each function makes so many calls that end in one way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import openai
from traffic import COMPLETION, EVENTS, MESSAGES, MODEL, WITH_USAGE, httpx

SHORT = [*EVENTS[:3], *EVENTS[-3:]]
STREAM = {"model": MODEL, "messages": MESSAGES, "stream": True, "stream_options": WITH_USAGE}
loop = asyncio.Runner()


class OurError(Exception):
    """Of the application."""


def pieces(request: Any) -> tuple[list[bytes], int, str]:
    """Return what is answered: the first message says which of the ways it is."""
    if b"refuse" in request.content:
        return [b'{"error": {"message": "no"}}'], 400, "application/json"
    if b'"stream":true' in request.content:
        return SHORT, 200, "text/event-stream"
    return [COMPLETION], 200, "application/json"


def respond(request: Any) -> Any:
    def body() -> Iterator[bytes]:
        for number, piece in enumerate(answer):
            if number == 2 and b"break down" in request.content:
                raise httpx.ReadError("gone")
            yield piece

    answer, status, kind = pieces(request)
    return httpx.Response(status, headers={"content-type": kind}, content=body())


def respond_async(request: Any) -> Any:
    async def body() -> AsyncIterator[bytes]:
        for number, piece in enumerate(answer):
            if number == 2 and b"hang" in request.content:
                await asyncio.Event().wait()
            yield piece

    answer, status, kind = pieces(request)
    return httpx.Response(status, headers={"content-type": kind}, content=body())


client = openai.OpenAI(
    api_key="none", max_retries=0, http_client=httpx.Client(transport=httpx.MockTransport(respond))
)
async_client = openai.AsyncOpenAI(
    api_key="none", max_retries=0, http_client=httpx.AsyncClient(transport=httpx.MockTransport(respond_async))
)


def saying(text: str) -> dict[str, Any]:
    return {**STREAM, "messages": [{"role": "user", "content": text}]}


def answered() -> None:
    client.chat.completions.create(model=MODEL, messages=MESSAGES)


def refused() -> None:
    with contextlib.suppress(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "refuse"}])


def raw() -> None:
    client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES).parse()


def raw_streamed() -> None:
    with client.chat.completions.with_streaming_response.create(**STREAM) as response:
        for _ in response.iter_lines():
            pass


def read() -> None:
    for _ in client.chat.completions.create(**STREAM):
        pass


def closed() -> None:
    stream = client.chat.completions.create(**STREAM)
    next(stream)
    stream.close()


def broken_off() -> None:
    for _ in client.chat.completions.create(**STREAM):
        break


def never_read() -> None:
    client.chat.completions.create(**STREAM)


def broken_down() -> None:
    with contextlib.suppress(openai.APIConnectionError, httpx.ReadError):
        for _ in client.chat.completions.create(**saying("break down")):
            pass


def left_by_an_exception() -> None:
    with contextlib.suppress(OurError), client.chat.completions.create(**STREAM) as stream:
        next(stream)
        raise OurError


async def answered_async() -> None:
    await async_client.chat.completions.create(model=MODEL, messages=MESSAGES)


async def read_async() -> None:
    async for _ in await async_client.chat.completions.create(**STREAM):
        pass


async def closed_async() -> None:
    stream = await async_client.chat.completions.create(**STREAM)
    await anext(stream)
    await stream.close()


async def broken_off_async() -> None:
    async for _ in await async_client.chat.completions.create(**STREAM):
        break


async def never_read_async() -> None:
    await async_client.chat.completions.create(**STREAM)


async def cancelled() -> None:
    async def read_on() -> None:
        async for _ in await async_client.chat.completions.create(**saying("hang")):
            received.set()

    received = asyncio.Event()
    task = asyncio.create_task(read_on())
    await received.wait()
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def times(end: Callable[[], None]) -> Callable[[int], None]:
    def run(count: int) -> None:
        for _ in range(count):
            end()

    return run


def times_async(end: Callable[[], Awaitable[None]]) -> Callable[[int], None]:
    async def work(count: int) -> None:
        for _ in range(count):
            await end()

    return lambda count: loop.run(work(count))


def settle() -> None:
    """Let the event loop close what was dropped: it does so only while it runs."""

    async def turn() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    loop.run(turn())


ENDS: Mapping[str, Callable[[int], None]] = {
    **{
        end.__name__.replace("_", " "): times(end)
        for end in (
            answered,
            refused,
            raw,
            raw_streamed,
            read,
            closed,
            broken_off,
            never_read,
            broken_down,
            left_by_an_exception,
        )
    },
    **{
        end.__name__.replace("_", " "): times_async(end)
        for end in (answered_async, read_async, closed_async, broken_off_async, never_read_async, cancelled)
    },
}
