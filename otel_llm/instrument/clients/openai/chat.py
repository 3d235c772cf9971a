"""POST /chat/completions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.fields import (
    count_of,
    counts_of,
    fields_of,
    float_of,
    price_conditions,
    text_of,
    texts_of,
)
from otel_llm.instrument.clients.formats.openai_chat import (
    finish_reason_of,
    input_messages,
    output_message,
    tool_definitions,
)
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.clients.openai.logprobs import Logprobs
from otel_llm.instrument.clients.openai.message_pieces import MessagePieces
from otel_llm.instrument.clients.openai.reading import (
    OUTPUT_TYPES,
    SAMPLING,
    choice_count_of,
    reported_cost,
    service_tier_of,
    stop_sequences_of,
)
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Message, Response
from otel_llm.instrument.contract.usage import Unit, Usage


class _Chunks:
    """The sum of a chat stream's chunks. Texts are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._first: Any = None
        self._finishing: Any = None
        self._usage: Any = None
        self._service_tier: str | None = None
        self._finish_reasons: dict[int, str] = {}
        self._messages: dict[int, MessagePieces] = {}
        self._logprobs = Logprobs()

    def add(self, chunk: Any) -> None:
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.service_tier is not None:
            self._service_tier = text_of(chunk.service_tier)
        for choice in chunk.choices or ():
            if choice is None:  # the field's name on some servers
                continue
            if self._first is None:  # Azure first sends a chunk about the prompt, without id, model and choices
                self._first = chunk
            if choice.finish_reason is not None:
                self._finishing = chunk
                self._finish_reasons[choice.index or 0] = text_of(choice.finish_reason) or "error"
            if choice.logprobs is not None and not choice.index:
                self._logprobs.add_chat(choice.logprobs)
            if self._content:
                self._messages.setdefault(choice.index or 0, MessagePieces()).add(choice.delta)

    def response(self) -> Response:
        first = fields_of(self._first)
        return Response(
            id=text_of(first.get("id")) or None,
            model=text_of(first.get("model")) or None,
            finish_reasons=[finish_reason_of(reason) for _, reason in sorted(self._finish_reasons.items())],
            usage=_read_usage(self._usage or _groq_usage(self._finishing), self._service_tier),
            attributes={**_tier(self._service_tier), **self._logprobs.attributes()},
            read_messages=self._read_messages,
        )

    def _read_messages(self) -> list[Message]:
        return [
            output_message(pieces.message(), self._finish_reasons.get(index))
            for index, pieces in sorted(self._messages.items())
        ]


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    for key, given in body.items():
        if (field := _FIELDS.get(key)) is not None and (value := field.read(given)) is not None:
            if field.yields:
                attributes.setdefault(field.name, value)
            else:
                attributes[field.name] = value
    return attributes


def _is_speech(modalities: Any) -> str | None:
    return "speech" if isinstance(modalities, list | tuple) and "audio" in modalities else None


def _output_type(response_format: Any) -> str | None:
    return OUTPUT_TYPES.get(text_of(response_format.get("type"))) if isinstance(response_format, Mapping) else None


class _Field(NamedTuple):
    """A field of a request's body, and its attribute."""

    name: str
    read: Callable[[Any], AttributeValue | None]
    yields: bool = False
    """True if another field of the same attribute takes precedence."""


_FIELDS: Final = {
    **{field: _Field(name, float_of) for field, name in SAMPLING.items()},
    "max_tokens": _Field(names.REQUEST_MAX_TOKENS, count_of, yields=True),
    "max_completion_tokens": _Field(names.REQUEST_MAX_TOKENS, count_of),
    "seed": _Field(names.REQUEST_SEED, count_of),
    "n": _Field(names.REQUEST_CHOICE_COUNT, choice_count_of),
    "stop": _Field(names.REQUEST_STOP_SEQUENCES, stop_sequences_of),
    "reasoning_effort": _Field(names.REQUEST_REASONING_LEVEL, text_of),
    "service_tier": _Field(names.OPENAI_REQUEST_SERVICE_TIER, service_tier_of),
    "modalities": _Field(names.OUTPUT_TYPE, _is_speech),
    "response_format": _Field(names.OUTPUT_TYPE, _output_type, yields=True),
}


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(
        messages=input_messages(body.get("messages")),
        tools=tool_definitions(body.get("tools"), body.get("functions")),
    )


def _read_response(completion: Any) -> Response:
    held = fields_of(completion)
    identity, model, tier = texts_of(held, "id", "model", "service_tier")
    choices, reasons = [], []
    for choice in held.get("choices") or ():
        if choice is not None:
            choices.append(choice)
            if reason := text_of(choice.finish_reason):
                reasons.append(finish_reason_of(reason))
    return Response(
        id=identity or None,
        model=model or None,
        finish_reasons=reasons,
        usage=_read_usage(held.get("usage"), tier),
        attributes=_attributes(tier, choices),
        read_messages=lambda: [
            output_message(choice.message, text_of(choice.finish_reason)) for choice in choices
        ],
    )


def _attributes(tier: str | None, choices: list[Any]) -> Mapping[str, AttributeValue] | None:
    said = choices[0].logprobs if choices else None
    if said is None:
        return _tier(tier) if tier else None
    logprobs = Logprobs()
    logprobs.add_chat(said)
    return {**_tier(tier), **logprobs.attributes()}


def _read_usage(usage: Any, service_tier: str | None) -> Usage | None:
    if usage is None:
        return None
    held = usage if isinstance(usage, Mapping) else fields_of(usage)
    asked = fields_of(held.get("prompt_tokens_details"))
    answered = fields_of(held.get("completion_tokens_details"))
    prompt, answer, *beside = counts_of(
        held, "prompt_tokens", "completion_tokens", "prompt_cache_hit_tokens", "cached_tokens"
    )
    cached, written = counts_of(asked, "cached_tokens", "cache_write_tokens")
    (reasoning,) = counts_of(answered, "reasoning_tokens")
    if cached is None:
        # Some providers report the count outside the details. Source: https://api-docs.deepseek.com/guides/kv_cache;
        # Together's and Moonshot's answers have `cached_tokens`.
        cached = beside[1] if beside[0] is None else beside[0]
    counts = {
        units.INPUT_TOKENS: prompt,
        units.OUTPUT_TOKENS: _output_tokens(held, prompt, answer, reasoning) if reasoning else answer,
        units.CACHE_READ_TOKENS: cached,
        units.CACHE_WRITE_TOKENS: written,
        units.REASONING_TOKENS: reasoning,
    }
    if asked.get("audio_tokens") or answered.get("audio_tokens") or asked.get("image_tokens"):
        counts |= _count_modalities(asked, answered)
    return Usage(counts, price_conditions(service_tier), reported_cost(held))


def _output_tokens(held: Mapping[str, Any], asked: int | None, answered: int | None, reasoning: int) -> int | None:
    """Return the tokens of the answer, including reasoning.

    xAI leaves reasoning out of the completion's tokens, and includes it only in the total
    (https://docs.x.ai/docs/key-information/consumption-and-rate-limits, read in November 2026).
    """
    if answered is None or asked is None:
        return answered
    return answered + reasoning if held.get("total_tokens") == asked + answered + reasoning else answered


def _groq_usage(chunk: Any) -> Any:
    """Return the usage that Groq puts into a stream's last chunk without being asked.

    Source: https://console.groq.com/docs/api-reference, chat completion chunk, `x_groq`.
    """
    groq = fields_of(chunk).get("x_groq")
    return groq.get("usage") if isinstance(groq, Mapping) else None


def _count_modalities(asked: Mapping[str, Any], answered: Mapping[str, Any]) -> dict[Unit, int | None]:
    return {
        units.INPUT_TEXT_TOKENS: count_of(asked.get("text_tokens")),
        units.INPUT_AUDIO_TOKENS: count_of(asked.get("audio_tokens")),
        units.INPUT_IMAGE_TOKENS: count_of(asked.get("image_tokens")),
        units.OUTPUT_TEXT_TOKENS: count_of(answered.get("text_tokens")),
        units.OUTPUT_AUDIO_TOKENS: count_of(answered.get("audio_tokens")),
    }


def _tier(service_tier: str | None) -> Mapping[str, AttributeValue]:
    return {names.OPENAI_RESPONSE_SERVICE_TIER: service_tier} if service_tier else {}


CHAT: Final = Endpoint(
    operation="chat",
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Chunks,
    events=EVENTS,
)
