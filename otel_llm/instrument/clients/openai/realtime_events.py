"""One response of the Realtime API: its parameters, and the sum of its events.

Source: the OpenAI API reference, "Realtime server events", read in November 2026; for the fields of `client.beta.
realtime`, the client's own types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.fields import fields_of, set_floats, set_integers
from otel_llm.instrument.clients.formats.openai_responses import (
    input_items,
    instructions,
    output_messages,
    tool_definitions,
)
from otel_llm.instrument.clients.openai.realtime_items import item_fields
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Message, Response
from otel_llm.instrument.contract.usage import Usage
from otel_llm.names.finish_reasons import finish_reason_of

_FLOATS: Final = {"temperature": names.REQUEST_TEMPERATURE}
_INTEGERS: Final = {
    "max_response_output_tokens": names.REQUEST_MAX_TOKENS,  # the older name in a session
    "max_output_tokens": names.REQUEST_MAX_TOKENS,
}
_AUDIO: Final = frozenset({"response.audio.delta", "response.output_audio.delta"})

Fields = Mapping[str, Any]


class Answer:
    """The sum of one response's events. Texts are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._response: Fields = {}
        self._session_id: str | None = None
        self._model: str | None = None
        self._error_type: str | None = None
        self._items: dict[str, dict[str, Any]] = {}
        """The output so far by item id, for a response that never ends."""

    def begin(self, response: Fields, session_id: str | None, model: str | None) -> None:
        """Add the response of the first event."""
        self._response, self._session_id, self._model = response, session_id, model

    def add(self, chunk: Any) -> None:
        """Add the fields of a delta."""
        if self._content and chunk["type"] not in _AUDIO:
            item = self._items.setdefault(chunk.get("item_id") or "", {})
            item.setdefault("texts", []).append(chunk.get("delta") or "")

    def output(self, event: Fields) -> None:
        """Add an event of an output item, which begins or is complete."""
        if self._content:
            item = event["item"]
            self._items.setdefault(fields_of(item).get("id") or "", {})[event["type"]] = item

    def finish(self, response: Fields) -> None:
        """Add the response of the last event."""
        self._response = response

    def fail(self, error_type: str) -> None:
        """Record that no response will come."""
        self._error_type = error_type

    def response(self) -> Response:
        """Return the response so far."""
        held = self._response
        reason = _finish_reason(held)
        return Response(
            id=held.get("id") or None,
            model=self._model,
            finish_reasons=[reason] if reason else [],
            usage=_read_usage(held.get("usage")),
            attributes={names.CONVERSATION_ID: self._session_id} if self._session_id else None,
            error_type=self._error_type or _error_type(held),
            read_messages=self._read_messages,
        )

    def _read_messages(self) -> list[Message]:
        reason = _finish_reason(self._response)
        output = self._response.get("output") or map(_so_far, self._items.values())
        return output_messages(map(item_fields, output), reason)


def _so_far(item: Mapping[str, Any]) -> Any:
    """Return an item as far as its events came."""
    if (complete := item.get("response.output_item.done")) is not None:
        return complete
    text = "".join(item.get("texts", ()))
    begun = fields_of(item.get("response.output_item.added"))
    if begun.get("type") == "message" or not begun:
        return {**begun, "content": [{"type": "output_text", "text": text}] if text else []}
    return {**begun, "arguments": text}


def _finish_reason(response: Fields) -> str | None:
    status = response.get("status")
    if status is None or status == "in_progress":
        return None
    kinds = {fields_of(item).get("type") for item in response.get("output") or ()}
    if status == "completed" and "function_call" in kinds:
        return "tool_call"
    reason = fields_of(response.get("status_details")).get("reason") if status == "incomplete" else None
    return finish_reason_of(str(reason or status))


def _error_type(response: Fields) -> str | None:
    if response.get("status") != "failed":
        return None
    error = fields_of(fields_of(response.get("status_details")).get("error"))
    return str(error.get("code") or error.get("type") or "failed")


def _read_usage(usage: Any) -> Usage | None:
    if usage is None:
        return None
    held = fields_of(usage)
    asked = fields_of(held.get("input_token_details"))
    answered = fields_of(held.get("output_token_details"))
    cached = fields_of(asked.get("cached_tokens_details"))
    return Usage(
        {
            units.INPUT_TOKENS: held.get("input_tokens"),
            units.OUTPUT_TOKENS: held.get("output_tokens"),
            units.CACHE_READ_TOKENS: asked.get("cached_tokens"),
            units.REASONING_TOKENS: answered.get("reasoning_tokens"),
            units.INPUT_TEXT_TOKENS: asked.get("text_tokens"),
            units.INPUT_AUDIO_TOKENS: asked.get("audio_tokens"),
            units.INPUT_IMAGE_TOKENS: asked.get("image_tokens"),
            units.OUTPUT_TEXT_TOKENS: answered.get("text_tokens"),
            units.OUTPUT_AUDIO_TOKENS: answered.get("audio_tokens"),
            units.CACHE_READ_AUDIO_TOKENS: cached.get("audio_tokens"),
            units.CACHE_READ_IMAGE_TOKENS: cached.get("image_tokens"),
        }
    )


def _read_attributes(body: Fields) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    set_floats(attributes, body, _FLOATS)
    set_integers(attributes, body, _INTEGERS)
    reasoning = body.get("reasoning")
    effort = (reasoning if isinstance(reasoning, Mapping) else fields_of(reasoning)).get("effort")
    if isinstance(effort, str):
        attributes[names.REQUEST_REASONING_LEVEL] = effort
    if modalities := body.get("output_modalities") or body.get("modalities"):
        attributes[names.OUTPUT_TYPE] = "speech" if "audio" in modalities else "text"
    return attributes


def _read_content(body: Fields) -> Content:
    return Content(
        messages=input_items([item_fields(item) for item in body.get("input") or ()]),
        system=instructions(body.get("instructions")),
        tools=tool_definitions(body.get("tools")),
    )


REALTIME: Final = Endpoint(
    operation="chat",
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=lambda _: Response(),
    add_up=Answer,
)
