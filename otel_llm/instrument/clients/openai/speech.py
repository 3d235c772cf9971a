"""POST /audio/speech."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import count_of, fields_of
from otel_llm.instrument.clients.formats.plain_messages import answer, user_messages
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Response
from otel_llm.instrument.contract.usage import Usage

_NO_SOUND: Final = frozenset({"application/json", "text/html"})
_COUNTS: Final = {"input_tokens": units.INPUT_TOKENS, "output_tokens": units.OUTPUT_TOKENS}
_DONE: Final = "speech.audio.done"
_TAIL_BYTES: Final = 4_096  # the last event has some 150 bytes; the events before it hold the audio


class _Events:
    """The sum of a body's events. The client has no classes for these events."""

    def __init__(self, _: bool) -> None:
        self._usage: Any = None
        self._is_begun = False

    def add(self, event: Any) -> None:
        held = fields_of(event)
        self._is_begun = self._is_begun or held.get("type") is not None
        if held.get("type") == _DONE:
            self._usage = held.get("usage")

    def response(self) -> Response:
        return Response(usage=_read_usage(self._usage), is_answer=self._is_begun)


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {names.OUTPUT_TYPE: "speech"}
    if body.get("stream_format") == "sse":
        attributes[names.REQUEST_STREAM] = True
    return attributes


def _read_content(body: Mapping[str, Any]) -> Content:
    instructions = body.get("instructions")
    system = [parts.text(instructions)] if isinstance(instructions, str) else []
    return Content(messages=user_messages(body.get("input")), system=system)


def _read_response(speech: Any) -> Response:
    """Return the response in a binary body, which `create` has read to its end, and which may hold events."""
    http_response = fields_of(speech).get("response")
    if http_response is None:
        return Response(is_answer=False)
    media_type = http_response.headers.get("content-type", "").partition(";")[0].strip()
    if media_type == "text/event-stream":
        return Response(usage=_usage_at_the_end(http_response.content))
    if media_type in _NO_SOUND:
        held = _json(http_response.content)
        return Response(error_type=error_type_of(held, is_answer=False), is_answer=False)
    return Response(read_messages=lambda: [answer(parts.blob(http_response.content, "audio", media_type or None))])


def _json(body: bytes) -> Mapping[str, Any]:
    """Return the fields of an error; no fields for a page."""
    try:
        return fields_of(json.loads(body))
    except ValueError:
        return {}


def _usage_at_the_end(body: bytes) -> Usage | None:
    for line in reversed(body[-_TAIL_BYTES:].splitlines()):
        if line.startswith(b"data:") and _DONE.encode() in line:
            return _read_usage(json.loads(line.removeprefix(b"data:")).get("usage"))
    return None


def _read_usage(usage: Any) -> Usage | None:
    held = fields_of(usage)
    counts = {unit: count_of(held.get(name)) for name, unit in _COUNTS.items()}
    return Usage(counts) if held else None


SPEECH: Final = Endpoint(
    operation=names.GENERATE_SPEECH,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Events,
    events=EVENTS,
)
