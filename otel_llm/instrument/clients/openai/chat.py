"""POST /chat/completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.chat_messages import input_messages, output_message, tool_definitions
from otel_llm.instrument.clients.openai.reading import fields_of, number, set_floats, set_integers
from otel_llm.instrument.fields import Content, Endpoint, Message, Modalities, Response, Usage

_FLOATS: Final = {
    "temperature": names.REQUEST_TEMPERATURE,
    "top_p": names.REQUEST_TOP_P,
    "frequency_penalty": names.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": names.REQUEST_PRESENCE_PENALTY,
}
_INTEGERS: Final = {
    "max_tokens": names.REQUEST_MAX_TOKENS,
    "max_completion_tokens": names.REQUEST_MAX_TOKENS,  # the newer name, which wins
    "seed": names.REQUEST_SEED,
}
_OUTPUT_TYPES: Final = {"text": "text", "json_object": "json", "json_schema": "json"}


class _Chunks:
    """Adds up the chunks of a chat stream; the texts only where content is captured."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._first: Any = None
        self._usage: Any = None
        self._service_tier: str | None = None
        self._finish_reasons: dict[int, str] = {}
        self._messages: dict[int, _MessageParts] = {}

    def add(self, chunk: Any) -> None:
        if self._first is None:
            self._first = chunk
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.service_tier is not None:
            self._service_tier = chunk.service_tier
        for choice in chunk.choices or ():
            if choice.finish_reason is not None:
                self._finish_reasons[choice.index] = choice.finish_reason
            if self._content:
                self._messages.setdefault(choice.index, _MessageParts()).add(choice.delta)

    def response(self) -> Response:
        first = fields_of(self._first)
        return Response(
            id=first.get("id") or None,
            model=first.get("model") or None,
            finish_reasons=[reason for _, reason in sorted(self._finish_reasons.items())],
            usage=_read_usage(self._usage),
            attributes=_tier(self._service_tier),
            read_messages=self._read_messages,
        )

    def _read_messages(self) -> list[Message]:
        return [
            output_message(parts.message(), self._finish_reasons.get(index))
            for index, parts in sorted(self._messages.items())
        ]


class _MessageParts:
    """One message of a stream, in pieces."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._tool_calls: dict[int, dict[str, Any]] = {}

    def add(self, delta: Any) -> None:
        held = fields_of(delta)
        for name in ("content", "refusal", "reasoning_content", "reasoning"):
            if isinstance(text := held.get(name), str):
                self._texts.setdefault(name, []).append(text)
        for piece in held.get("tool_calls") or ():
            call = self._tool_calls.setdefault(piece.index, {"id": None, "name": "", "arguments": []})
            call["id"] = piece.id or call["id"]
            if piece.function is not None:
                call["name"] += piece.function.name or ""
                call["arguments"].append(piece.function.arguments or "")

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {name: "".join(texts) for name, texts in self._texts.items()}
        message["tool_calls"] = [
            {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
            for _, call in sorted(self._tool_calls.items())
        ]
        return message


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    set_floats(attributes, body, _FLOATS)
    set_integers(attributes, body, _INTEGERS)
    if "n" in body and (count := number(body["n"])) is not None and count != 1:
        attributes[names.REQUEST_CHOICE_COUNT] = int(count)
    if stop := body.get("stop"):
        attributes[names.REQUEST_STOP_SEQUENCES] = (
            [stop] if isinstance(stop, str) else [str(text) for text in stop]
        )
    if isinstance(effort := body.get("reasoning_effort"), str):
        attributes[names.REQUEST_REASONING_LEVEL] = effort
    if isinstance(tier := body.get("service_tier"), str) and tier != "auto":
        attributes[names.OPENAI_REQUEST_SERVICE_TIER] = tier
    if output_type := _output_type(body):
        attributes[names.OUTPUT_TYPE] = output_type
    return attributes


def _output_type(body: Mapping[str, Any]) -> str | None:
    if "audio" in (body.get("modalities") or ()):
        return "speech"
    response_format = body.get("response_format")
    return _OUTPUT_TYPES.get(response_format.get("type", "")) if isinstance(response_format, Mapping) else None


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(messages=input_messages(body.get("messages")), tools=tool_definitions(body.get("tools")))


def _read_response(completion: Any) -> Response:
    held = fields_of(completion)
    choices = held.get("choices") or ()
    return Response(
        id=held.get("id"),
        model=held.get("model"),
        finish_reasons=[choice.finish_reason for choice in choices if choice.finish_reason],
        usage=_read_usage(held.get("usage")),
        attributes=_tier(held.get("service_tier")),
        read_messages=lambda: [output_message(choice.message, choice.finish_reason) for choice in choices],
    )


def _read_usage(usage: Any) -> Usage | None:
    if usage is None:
        return None
    held = fields_of(usage)
    asked = fields_of(held.get("prompt_tokens_details"))
    answered = fields_of(held.get("completion_tokens_details"))
    return Usage(
        input_tokens=held.get("prompt_tokens"),
        output_tokens=held.get("completion_tokens"),
        cache_read_tokens=asked.get("cached_tokens"),
        cache_write_tokens=asked.get("cache_write_tokens"),
        reasoning_tokens=answered.get("reasoning_tokens"),
        modalities=_read_modalities(asked, answered),
    )


def _read_modalities(asked: Mapping[str, Any], answered: Mapping[str, Any]) -> Modalities | None:
    if not (asked.get("audio_tokens") or answered.get("audio_tokens") or asked.get("image_tokens")):
        return None
    return Modalities(
        input_text_tokens=asked.get("text_tokens"),
        input_audio_tokens=asked.get("audio_tokens"),
        input_image_tokens=asked.get("image_tokens"),
        output_text_tokens=answered.get("text_tokens"),
        output_audio_tokens=answered.get("audio_tokens"),
    )


def _tier(service_tier: str | None) -> Mapping[str, AttributeValue] | None:
    return {names.OPENAI_RESPONSE_SERVICE_TIER: service_tier} if service_tier else None


CHAT: Final = Endpoint(
    operation="chat",
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Chunks,
)
