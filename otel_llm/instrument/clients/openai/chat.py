"""POST /chat/completions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.fields import count_of, float_of, integer_of, text_of
from otel_llm.instrument.clients.formats.openai_chat import input_messages, output_message, tool_definitions
from otel_llm.instrument.clients.openai.choices import ChoiceChunks, Fields, read_whole
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.clients.openai.logprobs import Logprobs
from otel_llm.instrument.clients.openai.message_pieces import MessagePieces
from otel_llm.instrument.clients.openai.reading import (
    OUTPUT_TYPES,
    SAMPLING,
    choice_count_of,
    service_tier_of,
    stop_sequences_of,
)
from otel_llm.instrument.contract.data import Content, Endpoint, Message, Response


class _Chunks(ChoiceChunks):
    """The sum of a chat stream's chunks. Texts are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        super().__init__(content)
        self._messages: dict[int, MessagePieces] = {}

    def _add_logprobs(self, said: Any) -> None:
        self._logprobs.add_chat(said)

    def _add_choice(self, index: int, choice: Fields) -> None:
        pieces = self._messages.get(index)
        if pieces is None:
            pieces = self._messages[index] = MessagePieces()
        pieces.add(choice.get("delta"), choice.get("message"))

    def _read_messages(self) -> list[Message]:
        return [
            output_message(pieces.message(), self._reasons.get(index))
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
    "seed": _Field(names.REQUEST_SEED, integer_of),
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
    return read_whole(completion, _message_of, Logprobs.add_chat)


def _message_of(choice: Fields, finish_reason: str | None) -> Message:
    return output_message(choice.get("message") or choice.get("delta"), finish_reason)


CHAT: Final = Endpoint(
    operation="chat",
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Chunks,
    events=EVENTS,
)
