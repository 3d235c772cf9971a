"""The choices of an answer, whole and streamed: what chat and the completions before chat have in common."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import fields_of, index_of, listed, text_of, texts_of
from otel_llm.instrument.clients.openai.chat_usage import StreamedUsage, read_usage
from otel_llm.instrument.clients.openai.logprobs import Logprobs
from otel_llm.instrument.contract.data import Message, Response
from otel_llm.names.finish_reasons import FAILED, finish_reason_of

Fields = Mapping[str, Any]
"""The fields of one choice, or of a client's other object."""


_NOTHING: Final[Fields] = {}


class ChoiceChunks(abc.ABC):
    """The sum of a stream's chunks."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._first: Any = None
        self._bare: Any = None
        self._usage = StreamedUsage()
        self._service_tier: str | None = None
        self._reasons: dict[int, str] = {}
        self._error_type: str | None = None
        self._logprobs = Logprobs()

    def add(self, chunk: Any) -> None:
        """Add one chunk."""
        held: Fields = getattr(chunk, "__dict__", _NOTHING)
        if (usage := held.get("usage")) is not None:
            self._usage.add(usage)
        if (tier := held.get("service_tier")) is not None:
            self._service_tier = text_of(tier)
        choices = held.get("choices")
        if not choices:  # the usage, an error; Azure first sends a chunk about the prompt, without id and model
            self._bare = self._bare or chunk
            self._error_type = self._error_type or error_type_of(fields_of(chunk))
            return
        for choice in choices if type(choices) is list else ():
            fields: Fields | None = getattr(choice, "__dict__", None)
            if fields is None:  # null on some servers
                continue
            if self._first is None:
                self._first = chunk
            if extra := getattr(choice, "__pydantic_extra__", None):
                fields = {**fields, **extra}
                self._usage.add_of_choice(fields)
            index = fields.get("index")
            if type(index) is not int:
                index = index_of(index) or 0
            if (said := fields.get("finish_reason")) is not None:
                self._finish(index, fields, said)
                self._usage.add_of_groq(chunk)
            if fields.get("logprobs") is not None and not index:
                self._add_logprobs(fields["logprobs"])
            if self._content:
                self._add_choice(index, fields)

    def response(self) -> Response:
        """Return the response so far."""
        told = fields_of(self._bare if self._first is None else self._first)
        identity, model = text_of(told.get("id")) or None, text_of(told.get("model")) or None
        usage = self._usage.read(self._service_tier)
        is_answer = bool(self._first is not None or identity or usage)
        return Response(
            id=identity,
            model=model,
            finish_reasons=[reason for _, reason in sorted(self._reasons.items())],
            usage=usage,
            attributes={**_tier(self._service_tier), **self._logprobs.attributes()},
            error_type=self._error_type or error_type_of(told, is_answer=is_answer),
            is_answer=is_answer,
            read_messages=self._read_messages,
        )

    def _finish(self, index: int, choice: Fields, said: Any) -> None:
        if (reason := finish_reason_of(text_of(said))) is not None:
            self._reasons[index] = reason
        self._error_type = self._error_type or _error_of(choice)

    @abc.abstractmethod
    def _add_logprobs(self, said: Any) -> None: ...

    @abc.abstractmethod
    def _add_choice(self, index: int, choice: Fields) -> None:
        """Add the content of a choice. Called only if content is captured."""

    @abc.abstractmethod
    def _read_messages(self) -> list[Message]: ...


def read_whole(
    completion: Any,
    message_of: Callable[[Fields, str | None], Message],
    add_logprobs: Callable[[Logprobs, Any], None],
) -> Response:
    """Return the response of a whole answer.

    Args:
        completion: the client's own object.
        message_of: returns the message of a choice with its finish reason.
        add_logprobs: adds the log-probabilities of a choice.
    """
    held = fields_of(completion)
    identity, model, tier = texts_of(held, "id", "model", "service_tier")
    choices = [fields for choice in listed(held.get("choices")) if (fields := fields_of(choice))]
    reasons = [finish_reason_of(text_of(choice.get("finish_reason"))) for choice in choices]
    usage = read_usage(held.get("usage") or (choices[0].get("usage") if choices else None), tier)
    is_answer = bool(choices or identity or usage)
    error_type = error_type_of(held, is_answer=is_answer)
    return Response(
        id=identity or None,
        model=model or None,
        finish_reasons=[reason for reason in reasons if reason],
        usage=usage,
        attributes=_attributes(tier, choices, add_logprobs),
        error_type=error_type or next(filter(None, map(_error_of, choices)), None),
        is_answer=is_answer,
        read_messages=lambda: list(map(message_of, choices, reasons)),
    )


def _error_of(choice: Fields) -> str | None:
    """Return the kind of error of a failed choice: the provider's code, else its finish reason."""
    if choice.get("error"):
        return error_type_of(choice)
    said = text_of(choice.get("finish_reason"))
    return said if finish_reason_of(said) == FAILED else None


def _attributes(
    tier: str | None, choices: list[Fields], add_logprobs: Callable[[Logprobs, Any], None]
) -> Mapping[str, AttributeValue]:
    said = choices[0].get("logprobs") if choices else None
    if said is None:
        return _tier(tier)
    logprobs = Logprobs()
    add_logprobs(logprobs, said)
    return {**_tier(tier), **logprobs.attributes()}


def _tier(service_tier: str | None) -> Mapping[str, AttributeValue]:
    return {names.OPENAI_RESPONSE_SERVICE_TIER: service_tier} if service_tier else {}
