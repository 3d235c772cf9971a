"""The wire format of chat completions: one JSON object, or a stream of server-sent events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from starlette.types import Send

from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.response_body import ChunkStream, send_object
from otel_llm.serve.models.model import Delta, End, Piece, Token, TokenCounts, ToolCallDelta
from otel_llm.serve.models.request import ChatRequest
from otel_llm.version import __version__

_FINGERPRINT: Final = f"otel-llm-{__version__}"
# the field for each kind of text in a message; OpenAI-compatible servers introduced the last one
_FIELDS: Final = {"text": "content", "refusal": "refusal", "reasoning": "reasoning_content"}


class AnswerSender(Protocol):
    """Sends the pieces of a request's choices; used by the task of one request.

    put ... put ──▶ finish      every choice has ended
               ├──▶ cut         the connection breaks on purpose
               └──▶ fail        an error
    """

    async def put(self, choice: int, piece: Piece) -> None:
        """Take the next piece of a choice."""

    async def finish(self) -> None:
        """Send the rest, after the End of every choice."""

    async def cut(self, choice: int, rest: str) -> None:
        """Send part of the answer, and leave the response incomplete; `rest` is the missing text."""

    async def fail(self, error: ApiError) -> None:
        """Report an error within the response.

        Raises:
            ApiError: the response has not started, so that its status can report the error.
        """


class StreamedAnswer:
    """Server-sent events: for each choice its role, its deltas, its finish; then usage, if asked for."""

    def __init__(self, request: ChatRequest, headers: Mapping[str, str], send: Send) -> None:
        common = _common(request.model, "chat.completion.chunk")
        self._stream = ChunkStream(send, headers, common, include_usage=request.include_usage)
        self._counts: list[TokenCounts] = []
        self._with_role: set[int] = set()
        self._tool_calls: set[tuple[int, int]] = set()

    async def put(self, choice: int, piece: Piece) -> None:
        """Send the chunk of a piece."""
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
        """Send the usage chunk, if asked for, and the end of the stream."""
        await self._stream.finish(_usage(self._counts))

    async def cut(self, choice: int, rest: str) -> None:
        """Begin the response, and leave its chunked body without a terminator."""
        await self._start(choice, "")

    async def fail(self, error: ApiError) -> None:
        """Send the error as an event, and end without [DONE]."""
        await self._stream.fail(error)

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
        logprobs = _logprobs(tokens)
        await self._stream.chunk(
            {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        )


class WholeAnswer:
    """One JSON object, sent when every choice is complete."""

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
        """Send half of the object, shorter than its content-length."""
        self._messages[choice].add(Delta(rest))
        await self._respond(whole=False)

    async def fail(self, error: ApiError) -> None:
        """Raise the error: the response has not started, so that the status can report it."""
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
    """One whole message, built from pieces."""

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
    # the API counts the prompt once, whatever the number of choices
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
