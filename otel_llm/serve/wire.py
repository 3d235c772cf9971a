"""The wire format of chat completions: one JSON object, or a stream of server-sent events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from starlette.types import Send

from otel_llm import __version__
from otel_llm.serve.api_error import ApiError
from otel_llm.serve.model import Delta, End, Piece, TokenCounts
from otel_llm.serve.request import ChatRequest

_FINGERPRINT: Final = f"otel-llm-{__version__}"


class Answer(Protocol):
    """Takes the pieces of a request's answers and sends them."""

    async def put(self, choice: int, piece: Piece) -> None:
        """Take the next piece of one of the answers."""

    async def finish(self) -> None:
        """Send what is left, after the End of every answer."""

    async def cut(self, choice: int, rest: str) -> None:
        """Send part of the answer and leave the response incomplete; `rest` is text that is missing from it."""

    async def fail(self, error: ApiError) -> None:
        """Tell of an error after the response has started.

        Raises:
            ApiError: the response has not started, so that the error can still be its status.
        """


class StreamedAnswer:
    """Server-sent events: per answer a chunk with the role, its deltas, its finish; then usage, if asked for."""

    def __init__(self, request: ChatRequest, headers: Mapping[str, str], send: Send) -> None:
        self._include_usage = request.include_usage
        self._headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            **headers,
        }
        self._send = send
        self._common = _common(request.model, "chat.completion.chunk")
        self._counts: list[TokenCounts] = []
        self._started = False
        self._with_role: set[int] = set()

    async def put(self, choice: int, piece: Piece) -> None:
        """Send a chunk."""
        await self._start(choice)
        if isinstance(piece, Delta):
            await self._chunk(choice, {"content": piece.text})
        else:
            self._counts.append(piece.tokens)
            await self._chunk(choice, {}, piece.finish_reason)

    async def finish(self) -> None:
        """Send the usage chunk, if asked for, and the end."""
        if self._include_usage:
            await self._event({**self._common, "choices": [], "usage": _usage(self._counts)})
        await self._write(b"data: [DONE]\n\n", more=False)

    async def cut(self, choice: int, rest: str) -> None:
        """Leave the chunked body without its terminator."""
        await self._start(choice)

    async def fail(self, error: ApiError) -> None:
        """Send the error as an event, and end without [DONE]."""
        if not self._started:
            raise error
        await self._event(error.body)
        await self._write(b"", more=False)

    async def _start(self, choice: int) -> None:
        if not self._started:
            self._started = True
            await _start(self._send, self._headers)
        if choice not in self._with_role:
            self._with_role.add(choice)
            await self._chunk(choice, {"role": "assistant", "content": "", "refusal": None})

    async def _chunk(self, choice: int, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        chunk = {
            **self._common,
            "choices": [{"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
        }
        await self._event({**chunk, "usage": None} if self._include_usage else chunk)

    async def _event(self, data: dict[str, Any]) -> None:
        await self._write(f"data: {json.dumps(data, separators=(',', ':'))}\n\n".encode(), more=True)

    async def _write(self, body: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


class WholeAnswer:
    """One JSON object, sent when every answer is complete."""

    def __init__(self, request: ChatRequest, headers: Mapping[str, str], send: Send) -> None:
        self._headers = {"content-type": "application/json", **headers}
        self._send = send
        self._common = _common(request.model, "chat.completion")
        self._texts = [""] * request.choices
        self._ends: list[End | None] = [None] * request.choices

    async def put(self, choice: int, piece: Piece) -> None:
        """Keep the piece."""
        if isinstance(piece, Delta):
            self._texts[choice] += piece.text
        else:
            self._ends[choice] = piece

    async def finish(self) -> None:
        """Send the object."""
        await self._respond()

    async def cut(self, choice: int, rest: str) -> None:
        """Send half of the object that the headers promise."""
        self._texts[choice] += rest
        await self._respond(whole=False)

    async def fail(self, error: ApiError) -> None:
        """Leave it to the status: the response starts when nothing can fail any more."""
        raise error

    async def _respond(self, *, whole: bool = True) -> None:
        ends = [end for end in self._ends if end is not None]
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": end.finish_reason if end else "stop",
            }
            for index, (text, end) in enumerate(zip(self._texts, self._ends, strict=True))
        ]
        body = json.dumps(
            {**self._common, "choices": choices, "usage": _usage([end.tokens for end in ends])}
        ).encode()
        await _start(self._send, {**self._headers, "content-length": str(len(body))})
        sent = body if whole else body[: len(body) // 2]
        await self._send({"type": "http.response.body", "body": sent, "more_body": not whole})


def _common(model: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": _FINGERPRINT,
    }


def _usage(counts: list[TokenCounts]) -> dict[str, Any]:
    # The prompt is counted once, as the API does, however many answers there are to it.
    prompt = max((count.prompt for count in counts), default=0)
    completion = sum(count.completion for count in counts)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": max((count.cached for count in counts), default=0)},
        "completion_tokens_details": {"reasoning_tokens": sum(count.reasoning for count in counts)},
    }


async def _start(send: Send, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": raw})
