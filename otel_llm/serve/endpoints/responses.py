"""The endpoint POST /v1/responses."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.types import Send

from otel_llm.serve.endpoints.chat_answer import AnswerSender
from otel_llm.serve.endpoints.endpoint import ModelEndpoint
from otel_llm.serve.endpoints.generation import generate
from otel_llm.serve.endpoints.metrics import RequestMeasurement
from otel_llm.serve.endpoints.responses_output import Event, Output
from otel_llm.serve.endpoints.responses_request import Reasoning, ResponsesRequest, Text
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.body import read_json
from otel_llm.serve.http.response_body import EventStream, send_object
from otel_llm.serve.models.model import Delta, End, Model, Piece, TokenCounts
from otel_llm.serve.models.request import parse_as

# finish reasons that make a response incomplete, with the reason that the API gives
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Responses(ModelEndpoint[ResponsesRequest]):
    """The endpoint. No response is kept, so that a later request cannot refer to it."""

    operation: ClassVar[str] = "chat"

    async def read(self, request: Request, limit_bytes: int) -> ResponsesRequest:
        """Return the request in the body."""
        return parse_as(ResponsesRequest, await read_json(request, limit_bytes))

    async def answer(
        self, model: Model, asked: ResponsesRequest, measured: RequestMeasurement, send: Send
    ) -> None:
        """Send the answer of the model."""
        kind = StreamedResponse if asked.stream else WholeResponse
        answer: AnswerSender = kind(asked, model.headers, send)
        await generate(model, asked.chat(), answer, measured)


class StreamedResponse:
    """Server-sent events, each with its type as name, and a number."""

    def __init__(self, request: ResponsesRequest, headers: Mapping[str, str], send: Send) -> None:
        self._stream = EventStream(send, headers)
        self._response = _Response(request)
        self._events = 0

    async def put(self, _: int, piece: Piece) -> None:
        """Send the events of a piece."""
        await self._start()
        for event in self._response.take(piece):
            await self._event(event)

    async def finish(self) -> None:
        """Send the event with the final response."""
        await self._event(self._response.event(self._response.status))
        await self._stream.end()

    async def cut(self, _: int, __: str) -> None:
        """Begin the response, and leave its chunked body without a terminator."""
        await self._start()

    async def fail(self, error: ApiError) -> None:
        """Send the event with the failed response."""
        if not self._stream.started:
            raise error
        self._response.fail(error)
        await self._event(self._response.event("failed"))
        await self._stream.end()

    async def _start(self) -> None:
        if not self._stream.started:
            await self._event(self._response.event("created"))
            await self._event(self._response.event("in_progress"))

    async def _event(self, event: Event) -> None:
        await self._stream.event({**event, "sequence_number": self._events}, event["type"])
        self._events += 1


class WholeResponse:
    """One JSON object, sent when the response is complete."""

    def __init__(self, request: ResponsesRequest, headers: Mapping[str, str], send: Send) -> None:
        self._headers = headers
        self._send = send
        self._response = _Response(request)

    async def put(self, _: int, piece: Piece) -> None:
        """Keep the piece."""
        for _event in self._response.take(piece):
            pass

    async def finish(self) -> None:
        """Send the object."""
        await send_object(self._send, self._headers, self._response.body(), whole=True)

    async def cut(self, choice: int, rest: str) -> None:
        """Send half of the object, shorter than its content-length."""
        await self.put(choice, Delta(rest))
        await send_object(self._send, self._headers, self._response.body(), whole=False)

    async def fail(self, error: ApiError) -> None:
        """Raise the error: the response has not started, so that the status can report it."""
        raise error


class _Response:
    """The object of a response, built from pieces.

    in_progress ──End──▶ completed or incomplete
         └──── fail ───▶ failed
    """

    def __init__(self, request: ResponsesRequest) -> None:
        self.status = "in_progress"
        self._output = Output()
        self._incomplete: str | None = None
        self._error: dict[str, Any] | None = None
        self._tokens: TokenCounts | None = None
        text, reasoning = request.text or Text(), request.reasoning or Reasoning()
        self._said = {
            "id": f"resp_{secrets.token_hex(24)}",
            "object": "response",
            "created_at": int(time.time()),
            "model": request.model,
            "background": False,
            "conversation": {"id": request.conversation_id} if request.conversation_id else None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "metadata": request.metadata or {},
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": request.previous_response_id,
            "reasoning": {"effort": reasoning.effort, "summary": reasoning.summary},
            "service_tier": "default" if request.service_tier else None,
            "store": False,
            "temperature": request.temperature,
            "text": {"format": text.format or {"type": "text"}, "verbosity": text.verbosity},
            "tool_choice": request.tool_choice or "auto",
            "tools": request.tools or [],
            "top_p": request.top_p,
            "truncation": request.truncation or "disabled",
            "user": request.user,
        }

    def take(self, piece: Piece) -> list[Event]:
        """Add the next piece, and return its events."""
        if not isinstance(piece, End):
            return list(self._output.take(piece))
        self._tokens = piece.tokens
        self._incomplete = _INCOMPLETE.get(piece.finish_reason)
        self.status = "incomplete" if self._incomplete else "completed"
        return list(self._output.close("incomplete" if self._incomplete else "completed"))

    def fail(self, error: ApiError) -> None:
        """Set the response to failed."""
        self.status = "failed"
        said = error.body["error"]
        self._error = {"code": said["code"] or said["type"], "message": said["message"]}

    def event(self, kind: str) -> Event:
        """Return an event with the whole response."""
        return {"type": f"response.{kind}", "response": self.body()}

    def body(self) -> dict[str, Any]:
        """Return the response so far."""
        return {
            **self._said,
            "status": self.status,
            "error": self._error,
            "incomplete_details": {"reason": self._incomplete} if self._incomplete else None,
            "output": self._output.items(),
            "usage": _usage(self._tokens) if self._tokens is not None else None,
        }


def _usage(tokens: TokenCounts) -> dict[str, Any]:
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + tokens.completion,
    }
