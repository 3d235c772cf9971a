"""The wire format of chat completions: one JSON object, or a stream of server-sent events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from starlette.types import Send

from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.sending import EventStream, send_object
from otel_llm.serve.models.model import Delta, End, Piece, Token, TokenCounts, ToolCallDelta
from otel_llm.serve.models.request import ChatRequest
from otel_llm.version import __version__

_FINGERPRINT: Final = f"otel-llm-{__version__}"
# what a text of each kind is called in a message; the last is the name that OpenAI-compatible servers gave it
_FIELDS: Final = {"text": "content", "refusal": "refusal", "reasoning": "reasoning_content"}


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
        self._stream = EventStream(send, headers)
        self._common = _common(request.model, "chat.completion.chunk")
        self._counts: list[TokenCounts] = []
        self._with_role: set[int] = set()
        self._tool_calls: set[tuple[int, int]] = set()

    async def put(self, choice: int, piece: Piece) -> None:
        """Send a chunk."""
        if isinstance(piece, Delta):
            await self._start(choice, "" if piece.kind == "text" else None)
            await self._chunk(choice, {_FIELDS[piece.kind]: piece.text}, tokens=piece.tokens)
        elif isinstance(piece, ToolCallDelta):
            await self._start(choice, None)
            if (choice, piece.index) not in self._tool_calls:
                self._tool_calls.add((choice, piece.index))
                await self._chunk(choice, {"tool_calls": [{"index": piece.index, **_tool_call(piece, "")}]})
            await self._chunk(choice, {"tool_calls": [{"index": piece.index, **_arguments(piece)}]})
        else:
            await self._start(choice, "")
            self._counts.append(piece.tokens)
            await self._chunk(choice, {}, piece.finish_reason)

    async def finish(self) -> None:
        """Send the usage chunk, if asked for, and the end."""
        if self._include_usage:
            await self._stream.event({**self._common, "choices": [], "usage": _usage(self._counts)})
        await self._stream.end(b"data: [DONE]\n\n")

    async def cut(self, choice: int, rest: str) -> None:
        """Leave the chunked body without its terminator."""
        await self._start(choice, "")

    async def fail(self, error: ApiError) -> None:
        """Send the error as an event, and end without [DONE]."""
        if not self._stream.started:
            raise error
        await self._stream.event(error.body)
        await self._stream.end()

    async def _start(self, choice: int, content: str | None) -> None:
        if choice not in self._with_role:
            self._with_role.add(choice)
            await self._chunk(choice, {"role": "assistant", "content": content, "refusal": None})

    async def _chunk(
        self,
        choice: int,
        delta: dict[str, Any],
        finish_reason: str | None = None,
        tokens: Sequence[Token] = (),
    ) -> None:
        chunk = {
            **self._common,
            "choices": [
                {"index": choice, "delta": delta, "logprobs": _logprobs(tokens), "finish_reason": finish_reason}
            ],
        }
        await self._stream.event({**chunk, "usage": None} if self._include_usage else chunk)


class WholeAnswer:
    """One JSON object, sent when every answer is complete."""

    def __init__(self, request: ChatRequest, headers: Mapping[str, str], send: Send) -> None:
        self._headers = headers
        self._send = send
        self._common = _common(request.model, "chat.completion")
        self._messages = [_Message() for _ in range(request.choices)]
        self._ends: list[End | None] = [None] * request.choices

    async def put(self, choice: int, piece: Piece) -> None:
        """Keep the piece."""
        if isinstance(piece, End):
            self._ends[choice] = piece
        else:
            self._messages[choice].add(piece)

    async def finish(self) -> None:
        """Send the object."""
        await self._respond()

    async def cut(self, choice: int, rest: str) -> None:
        """Send half of the object that the headers promise."""
        self._messages[choice].add(Delta(rest))
        await self._respond(whole=False)

    async def fail(self, error: ApiError) -> None:
        """Leave it to the status: the response starts when nothing can fail any more."""
        raise error

    async def _respond(self, *, whole: bool = True) -> None:
        ends = [end for end in self._ends if end is not None]
        choices = [
            {
                "index": index,
                "message": message.body(),
                "logprobs": _logprobs(message.tokens),
                "finish_reason": end.finish_reason if end else "stop",
            }
            for index, (message, end) in enumerate(zip(self._messages, self._ends, strict=True))
        ]
        data = {**self._common, "choices": choices, "usage": _usage([end.tokens for end in ends])}
        await send_object(self._send, self._headers, data, whole=whole)


class _Message:
    """One whole message, put together of its pieces."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._tool_calls: dict[int, tuple[ToolCallDelta, str]] = {}
        self.tokens: list[Token] = []

    def add(self, piece: Delta | ToolCallDelta) -> None:
        if isinstance(piece, Delta):
            self._texts[_FIELDS[piece.kind]] = self._texts.get(_FIELDS[piece.kind], "") + piece.text
            self.tokens += piece.tokens
        else:
            first, text = self._tool_calls.get(piece.index, (piece, ""))
            self._tool_calls[piece.index] = (first, text + piece.text)

    def body(self) -> dict[str, Any]:
        instead = self._tool_calls or "refusal" in self._texts
        body: dict[str, Any] = {
            "role": "assistant",
            "content": None if instead else "",
            "refusal": None,
            **self._texts,
        }
        if self._tool_calls:
            body["tool_calls"] = [_tool_call(first, text) for first, text in self._tool_calls.values()]
        return body


def _logprobs(tokens: Sequence[Token]) -> dict[str, Any] | None:
    if not tokens:
        return None
    content = [{**_token(token), "top_logprobs": [_token(each) for each in token.likeliest]} for token in tokens]
    return {"content": content, "refusal": None}


def _token(token: Token) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.data)}


def _tool_call(piece: ToolCallDelta, text: str) -> dict[str, Any]:
    if piece.custom:
        return {"id": piece.call_id, "type": "custom", "custom": {"name": piece.name, "input": text}}
    return {"id": piece.call_id, "type": "function", "function": {"name": piece.name, "arguments": text}}


def _arguments(piece: ToolCallDelta) -> dict[str, Any]:
    return {"custom": {"input": piece.text}} if piece.custom else {"function": {"arguments": piece.text}}


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
        "prompt_tokens_details": {
            "cached_tokens": max((count.cached for count in counts), default=0),
            **_where_any(
                cache_write_tokens=max((count.cache_write for count in counts), default=0),
                audio_tokens=max((count.prompt_audio for count in counts), default=0),
                image_tokens=max((count.prompt_image for count in counts), default=0),
            ),
        },
        "completion_tokens_details": {
            "reasoning_tokens": sum(count.reasoning for count in counts),
            **_where_any(audio_tokens=sum(count.completion_audio for count in counts)),
        },
    }


def _where_any(**counts: int) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
