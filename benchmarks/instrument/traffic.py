"""The client, its in-process server, and the calls that are measured.

An answer's body is a stream, as it is from a socket: one piece for an answer in one, one piece for each event of
a stream. So the client reads, decodes and closes it by the code that it uses in earnest; only the network is
missing.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import openai

CHUNKS = 201
MODEL = "gpt-4o-mini"
ANSWERED_BY = "gpt-4o-mini-2024-07-18"
MESSAGES = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "How are you?"}]
# no two alike, and none that anything else here might be: so what is recorded is found by its value
INPUT, OUTPUT, CACHED, REASONING = 1021, 2203, 517, 307
USAGE = {
    "prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT,
    "prompt_tokens_details": {"cached_tokens": CACHED},
    "completion_tokens_details": {"reasoning_tokens": REASONING},
}  # fmt: skip
ID = b"@ID"  # each answer has its own: some remember what they have seen
WITH_USAGE = {"include_usage": True}

# the client's own: httpx for openai 2.x, httpx2 for 3.x
httpx = importlib.import_module("httpx2" if openai.__version__.startswith("3.") else "httpx")

Around = Callable[[], AbstractContextManager[Any]]
Work = Callable[[int, Around], None]
"""Does a piece of work so many times, each inside a context of its own."""


def completion() -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Fine. " * 200}}
    return json.dumps({**_common("chat.completion"), "choices": [choice], "usage": USAGE}).encode()


def events() -> list[bytes]:
    """Return CHUNKS chunks, the last with the usage, and the end."""
    deltas = [{"index": 0, "delta": {"content": "Fine. "}, "finish_reason": None}] * (CHUNKS - 2)
    chunks: list[dict[str, Any]] = [{"choices": [delta], "usage": None} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None})
    chunks.append({"choices": [], "usage": USAGE})
    lines = [json.dumps({**_common("chat.completion.chunk"), **chunk}) for chunk in chunks]
    return [f"data: {line}\n\n".encode() for line in [*lines, "[DONE]"]]


def response() -> bytes:
    """Return an answer of the Responses API."""
    text = {"type": "output_text", "text": "Fine. " * 200, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    usage = {
        "input_tokens": INPUT, "output_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens_details": {"reasoning_tokens": REASONING},
    }  # fmt: skip
    fields = {
        "id": ID.decode(), "object": "response", "created_at": 1, "status": "completed", "model": ANSWERED_BY,
        "output": [message], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage,
    }  # fmt: skip
    return json.dumps(fields).encode()


def _common(kind: str) -> dict[str, Any]:
    return {"id": ID.decode(), "object": kind, "created": 1, "model": ANSWERED_BY}


COMPLETION, EVENTS, RESPONSE = completion(), events(), response()
answers = itertools.count()


def answer(request: Any, body: Callable[[list[bytes]], Any]) -> Any:
    if request.url.path.endswith("/responses"):
        pieces, kind = [RESPONSE], "application/json"
    elif b'"stream":true' in request.content:
        pieces, kind = EVENTS, "text/event-stream; charset=utf-8"
    else:
        pieces, kind = [COMPLETION], "application/json"
    identity = b"answer-%d" % next(answers)
    answered = [piece.replace(ID, identity) for piece in pieces]
    return httpx.Response(200, headers={"content-type": kind}, content=body(answered))


def pieces_of(pieces: list[bytes]) -> Iterator[bytes]:
    yield from pieces


async def async_pieces_of(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


transport = httpx.MockTransport(lambda request: answer(request, pieces_of))
async_transport = httpx.MockTransport(lambda request: answer(request, async_pieces_of))
client = openai.OpenAI(api_key="none", http_client=httpx.Client(transport=transport))
async_client = openai.AsyncOpenAI(api_key="none", http_client=httpx.AsyncClient(transport=async_transport))
loop = asyncio.Runner()


def call(count: int, around: Around) -> None:
    for _ in range(count):
        with around():
            client.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=0.5, max_tokens=300)


def open_stream() -> Any:
    return client.chat.completions.create(
        model=MODEL, messages=MESSAGES, temperature=0.5, max_tokens=300, stream=True, stream_options=WITH_USAGE
    )


def stream(count: int, around: Around) -> None:
    for _ in range(count):
        with around():
            read = 0
            for _chunk in open_stream():
                read += 1
        assert read == CHUNKS


def respond(count: int, around: Around) -> None:
    for _ in range(count):
        with around():
            client.responses.create(model=MODEL, input="How are you?", temperature=0.5, max_output_tokens=300)


def async_call(count: int, around: Around) -> None:
    async def work() -> None:
        for _ in range(count):
            with around():
                await async_client.chat.completions.create(
                    model=MODEL, messages=MESSAGES, temperature=0.5, max_tokens=300
                )

    loop.run(work())


def async_stream(count: int, around: Around) -> None:
    async def work() -> None:
        for _ in range(count):
            with around():
                read = 0
                async for _chunk in await async_client.chat.completions.create(
                    model=MODEL,
                    messages=MESSAGES,
                    temperature=0.5,
                    max_tokens=300,
                    stream=True,
                    stream_options=WITH_USAGE,
                ):
                    read += 1
            assert read == CHUNKS

    loop.run(work())
