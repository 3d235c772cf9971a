"""The base of endpoints that only the scripted model has: rules set delays, errors, cuts and the text."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from starlette.types import Send

from otel_llm.serve.endpoints.endpoint import Asked, ModelEndpoint
from otel_llm.serve.endpoints.metrics import RequestMeasurement
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.response_body import send_head
from otel_llm.serve.models.model import Model, StreamBroken
from otel_llm.serve.models.script import ScriptRule
from otel_llm.serve.models.scripted import ScriptedModel

_EVENT_STREAM: Final = "text/event-stream; charset=utf-8"


class AskedWithText(Asked, Protocol):
    """A checked request with a text that selects a rule."""

    @property
    def text(self) -> str:
        """The text to match with the rules of the script."""


AskedT = TypeVar("AskedT", bound=AskedWithText)


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """The body of a response, in pieces."""

    pieces: Sequence[bytes]
    media_type: str
    streamed: bool = False
    """True: the pieces are sent one by one, as chunks."""


class ScriptedEndpoint(ModelEndpoint[AskedT]):
    """A path that only the scripted model answers."""

    @abstractmethod
    def reply(self, asked: AskedT, rule: ScriptRule) -> ScriptedReply:
        """Return the reply of the rule."""

    def model_for(self, asked: AskedT) -> Model:
        """Return the scripted model, also for a request without a model if the API allows that."""
        scripted = self._models.get(ScriptedModel.id)
        return super().model_for(asked) if asked.model is not None or scripted is None else scripted

    async def answer(self, model: Model, asked: AskedT, measured: RequestMeasurement, send: Send) -> None:
        """Send the reply."""
        if not isinstance(model, ScriptedModel):
            raise ApiError(
                400,
                f"the model {model.id} has no {self.operation}; the model {ScriptedModel.id} has",
                param="model",
                code="unsupported_operation",
            )
        rule = await model.rule_for(asked.text)
        reply = self.reply(asked, rule)
        send_reply = _send_streamed if reply.streamed else _send_whole
        try:
            await send_reply(reply, rule, model.headers, send)
        except StreamBroken:
            measured.error_type = StreamBroken.__name__


def json_reply(document: Mapping[str, Any]) -> ScriptedReply:
    """Return a reply that is one object of JSON."""
    return ScriptedReply([json.dumps(document).encode()], "application/json")


def event_reply(events: Sequence[Mapping[str, Any]]) -> ScriptedReply:
    """Return a reply of server-sent events, each with its type as name."""
    pieces = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    return ScriptedReply(pieces, _EVENT_STREAM, streamed=True)


async def _send_whole(reply: ScriptedReply, rule: ScriptRule, headers: Mapping[str, str], send: Send) -> None:
    body = b"".join(reply.pieces)
    await send_head(send, {"content-type": reply.media_type, "content-length": str(len(body)), **headers})
    if rule.break_after_chunks is not None:
        await _send_piece(send, body[: len(body) // 2])
        raise StreamBroken("")
    await _send_piece(send, body, more=False)


async def _send_streamed(reply: ScriptedReply, rule: ScriptRule, headers: Mapping[str, str], send: Send) -> None:
    await send_head(send, {"content-type": reply.media_type, "cache-control": "no-cache", **headers})
    for number, piece in enumerate(reply.pieces[: rule.break_after_chunks]):
        if number:
            await asyncio.sleep(rule.chunk_delay_s)
        await _send_piece(send, piece)
    if rule.break_after_chunks is not None:
        raise StreamBroken("")
    await _send_piece(send, b"", more=False)


async def _send_piece(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
