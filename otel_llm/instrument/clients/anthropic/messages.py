"""POST /v1/messages, plain and beta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.anthropic.block_pieces import BlockPieces
from otel_llm.instrument.clients.anthropic.usage import read_usage
from otel_llm.instrument.clients.formats.anthropic_messages import (
    input_messages,
    output_messages,
    system_instructions,
    tool_definitions,
)
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import fields_of, set_floats, set_integers, text_of
from otel_llm.instrument.contract.data import Content, Endpoint, EventFormat, Response
from otel_llm.names.finish_reasons import FAILED, finish_reason_of

_FLOATS: Final = {"temperature": names.REQUEST_TEMPERATURE, "top_p": names.REQUEST_TOP_P}
_INTEGERS: Final = {"max_tokens": names.REQUEST_MAX_TOKENS, "top_k": names.REQUEST_TOP_K}


class _Events:
    """The sum of a stream's events. Blocks are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        self._message: Mapping[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._finish_reason: str | None = None
        self._is_begun = False
        self._blocks = BlockPieces() if content else None

    def add(self, event: Any) -> None:
        kind = getattr(event, "__dict__", {}).get("type")
        self._is_begun = self._is_begun or kind != "error"
        if kind == "content_block_delta":
            if self._blocks is not None:
                self._blocks.add(event)
        elif kind == "content_block_start":
            if self._blocks is not None:
                self._blocks.start(event)
        elif kind == "message_start":
            self._message = fields_of(fields_of(event).get("message"))
            self._use(self._message.get("usage"))
            # the count before the first piece of the answer: the count of a stream left early is unknown
            self._usage.pop("output_tokens", None)
        elif kind == "message_delta":
            self._finish_reason = finish_reason_of(
                text_of(fields_of(fields_of(event).get("delta")).get("stop_reason"))
            )
            self._use(fields_of(event).get("usage"))

    def response(self) -> Response:
        blocks, finish_reason = self._blocks, self._finish_reason
        read = _response(self._message, self._usage, finish_reason, is_answer=self._is_begun)
        if blocks is not None:
            read.read_messages = lambda: output_messages(blocks.blocks(), finish_reason)
        return read

    def _use(self, usage: Any) -> None:
        """Add counts. Counts are for the message so far: a later count, except 0, replaces the earlier."""
        for name, value in fields_of(usage).items():
            if value is not None and (value or not self._usage.get(name)):
                self._usage[name] = value


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    set_floats(attributes, body, _FLOATS)
    set_integers(attributes, body, _INTEGERS)
    stop = body.get("stop_sequences")
    if isinstance(stop, list | tuple) and (texts := [text for text in map(text_of, stop) if text is not None]):
        attributes[names.REQUEST_STOP_SEQUENCES] = texts
    output = _mapping(body.get("output_config"))
    if (effort := text_of(output.get("effort"))) is not None:
        attributes[names.REQUEST_REASONING_LEVEL] = effort
    # `output_format` is the older name of `output_config.format`
    if any(
        _mapping(each).get("type") == "json_schema" for each in (output.get("format"), body.get("output_format"))
    ):
        attributes[names.OUTPUT_TYPE] = "json"
    return attributes


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(
        messages=input_messages(body.get("messages")),
        system=system_instructions(body.get("system")),
        tools=tool_definitions(body.get("tools")),
    )


def _read_response(message: Any) -> Response:
    held = fields_of(message)
    finish_reason, usage = finish_reason_of(text_of(held.get("stop_reason"))), fields_of(held.get("usage"))
    is_answer = bool(held.get("content") is not None or held.get("id") or usage)
    read = _response(held, usage, finish_reason, is_answer=is_answer)
    read.read_messages = lambda: output_messages(held.get("content"), finish_reason)
    return read


def _response(
    message: Mapping[str, Any], usage: Mapping[str, Any], finish_reason: str | None, *, is_answer: bool
) -> Response:
    failed = finish_reason if finish_reason == FAILED else None
    return Response(
        id=text_of(message.get("id")) or None,
        model=text_of(message.get("model")) or None,
        finish_reasons=[finish_reason] if finish_reason else [],
        usage=read_usage(usage) if usage else None,
        error_type=error_type_of(message, is_answer=is_answer) or failed,
        is_answer=is_answer,
    )


MESSAGES: Final = Endpoint(
    operation="chat",
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Events,
    events=EventFormat(no_chunks=frozenset({"ping"}), error_of=lambda event: error_type_of(_mapping(event))),
)
