"""POST /responses, and /responses/compact, whose result has the same usage and items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.failures import code_of, error_type_of
from otel_llm.instrument.clients.formats.fields import (
    count_of,
    fields_of,
    listed,
    price_conditions,
    set_floats,
    set_integers,
    set_strings,
    text_of,
)
from otel_llm.instrument.clients.formats.openai_responses import (
    input_items,
    instructions,
    is_client_call,
    output_messages,
    tool_definitions,
)
from otel_llm.instrument.clients.formats.reported_cost import reported_cost
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.clients.openai.logprobs import Logprobs
from otel_llm.instrument.clients.openai.partial_items import PartialItems
from otel_llm.instrument.clients.openai.reading import OUTPUT_TYPES, set_service_tier
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Response
from otel_llm.instrument.contract.usage import Usage
from otel_llm.names.finish_reasons import FAILED, finish_reason_of

_FLOATS: Final = {"temperature": names.REQUEST_TEMPERATURE, "top_p": names.REQUEST_TOP_P}
_INTEGERS: Final = {"max_output_tokens": names.REQUEST_MAX_TOKENS}
_STRINGS: Final = {"previous_response_id": names.REQUEST_PREVIOUS_RESPONSE_ID}


class _Events:
    """The sum of a stream's events. Items are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        self._response: Any = None
        self._error: Mapping[str, Any] | None = None
        self._is_begun = False
        self._items = PartialItems() if content else None

    def add(self, event: Any) -> None:
        kind = getattr(event, "__dict__", {}).get("type")
        if not isinstance(kind, str):
            return
        if not kind.endswith(".delta"):
            held = fields_of(event)
            if kind == "error":
                self._error = held
                return
            self._response = held.get("response") or self._response  # the whole response so far
        self._is_begun = True
        if self._items is not None:
            self._items.add(kind, event)

    def response(self) -> Response:
        read = _read_response(self._response)
        read.is_answer = read.is_answer or self._is_begun
        if self._error is not None:
            read.error_type = code_of(self._error) or "error"
        items = self._items
        if items is not None and not items.is_empty:
            whole, finish_reason = read.read_messages, next(iter(read.finish_reasons), None)
            # some servers leave the texts out of the response at the end
            read.read_messages = lambda: whole() or output_messages(items.items(), finish_reason)
        return read


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {names.OPENAI_API_TYPE: "responses"}
    set_floats(attributes, body, _FLOATS)
    set_integers(attributes, body, _INTEGERS)
    set_strings(attributes, body, _STRINGS)
    if (effort := text_of(_field(body, "reasoning", "effort"))) is not None:
        attributes[names.REQUEST_REASONING_LEVEL] = effort
    set_service_tier(attributes, body)
    if output_type := OUTPUT_TYPES.get(text_of(_field(body, "text", "format", "type"))):
        attributes[names.OUTPUT_TYPE] = output_type
    conversation = body.get("conversation")
    if (conversation_id := text_of(_field(conversation, "id") or conversation)) is not None:
        attributes[names.CONVERSATION_ID] = conversation_id
    _set_prompt(attributes, body.get("prompt"))
    return attributes


def _set_prompt(attributes: dict[str, AttributeValue], prompt: Any) -> None:
    """Set the name of a prompt template stored at the provider: its id, as it has no other name."""
    if (prompt_id := text_of(_field(prompt, "id"))) is not None:
        attributes[names.PROMPT_NAME] = prompt_id
        if (version := text_of(_field(prompt, "version"))) is not None:
            attributes[names.PROMPT_VERSION] = version


def _field(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(
        messages=input_items(body.get("input")),
        system=instructions(body.get("instructions")),
        tools=tool_definitions(body.get("tools")),
    )


def _read_response(response: Any) -> Response:
    held = fields_of(response)
    output = listed(held.get("output"))
    finish_reason, tier = _finish_reason(held, output), text_of(held.get("service_tier"))
    usage = _read_usage(held.get("usage"), tier)
    is_answer = bool(held.get("id") or output or usage or finish_reason)
    return Response(
        id=text_of(held.get("id")) or None,
        model=text_of(held.get("model")) or None,
        finish_reasons=[finish_reason] if finish_reason else [],
        usage=usage,
        attributes={**_said(tier, text_of(fields_of(held.get("conversation")).get("id"))), **_logprobs(output)},
        error_type=(
            code_of(held.get("error")) or "failed"
            if finish_reason == FAILED
            else error_type_of(held, is_answer=is_answer)
        ),
        is_answer=is_answer,
        read_messages=lambda: output_messages(output, finish_reason),
    )


def _finish_reason(held: Mapping[str, Any], output: Iterable[Any]) -> str | None:
    """Return the finish reason; None if the response has not ended, or was cancelled."""
    status = held.get("status")
    if status == "completed":
        return "tool_call" if any(is_client_call(fields_of(item)) for item in output) else "stop"
    if status == "incomplete":
        return finish_reason_of(text_of(fields_of(held.get("incomplete_details")).get("reason")))
    if held.get("object") == "response.compaction":  # a compaction has no status
        return "compaction"
    return FAILED if status == "failed" else None


def _read_usage(usage: Any, service_tier: str | None) -> Usage | None:
    if not (held := fields_of(usage)):
        return None
    asked = fields_of(held.get("input_tokens_details"))
    answered = fields_of(held.get("output_tokens_details"))
    counts = {
        units.INPUT_TOKENS: count_of(held.get("input_tokens")),
        units.OUTPUT_TOKENS: count_of(held.get("output_tokens")),
        units.CACHE_READ_TOKENS: count_of(asked.get("cached_tokens")),
        units.CACHE_WRITE_TOKENS: count_of(asked.get("cache_write_tokens")),
        units.REASONING_TOKENS: count_of(answered.get("reasoning_tokens")),
    }
    return Usage(counts, price_conditions(service_tier), reported_cost(held))


def _logprobs(output: Iterable[Any]) -> Mapping[str, AttributeValue]:
    """Return the log-probabilities of all texts of the output, which form one answer."""
    logprobs = Logprobs()
    for item in output:
        content = fields_of(item).get("content")
        for part in content if isinstance(content, list) else ():
            if (tokens := fields_of(part).get("logprobs")) is not None:
                logprobs.add_tokens(tokens)
    return logprobs.attributes()


def _said(service_tier: str | None, conversation_id: str | None) -> Mapping[str, AttributeValue]:
    if not (service_tier or conversation_id):
        return {}
    said = {names.OPENAI_RESPONSE_SERVICE_TIER: service_tier, names.CONVERSATION_ID: conversation_id}
    return {name: value for name, value in said.items() if value}


RESPONSES: Final = Endpoint(
    operation="chat",
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Events,
    events=EVENTS,
)
