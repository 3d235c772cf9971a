"""POST /completions, the API before chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.fields import count_of, fields_of, set_floats, set_integers, text_of
from otel_llm.instrument.clients.formats.plain_messages import answer, user_messages
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.clients.openai.logprobs import Logprobs
from otel_llm.instrument.clients.openai.reading import (
    SAMPLING,
    reported_cost,
    set_choice_count,
    set_stop_sequences,
)
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Message, Response
from otel_llm.instrument.contract.usage import Usage

_INTEGERS: Final = {"max_tokens": names.REQUEST_MAX_TOKENS, "seed": names.REQUEST_SEED}


class _Chunks:
    """The sum of a completion's chunks. Texts are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._first: Any = None
        self._usage: Any = None
        self._finish_reasons: dict[int, str] = {}
        self._texts: dict[int, list[str]] = {}
        self._logprobs = Logprobs()

    def add(self, chunk: Any) -> None:
        if chunk.usage is not None:
            self._usage = chunk.usage
        for choice in chunk.choices or ():
            if self._first is None:  # Azure first sends a chunk about the prompt, without id, model and choices
                self._first = chunk
            if choice.finish_reason is not None:
                self._finish_reasons[choice.index or 0] = text_of(choice.finish_reason) or "error"
            if choice.logprobs is not None and not choice.index:
                self._logprobs.add_completion(choice.logprobs)
            if self._content:
                self._texts.setdefault(choice.index or 0, []).append(choice.text or "")

    def response(self) -> Response:
        first = fields_of(self._first)
        return Response(
            id=text_of(first.get("id")) or None,
            model=text_of(first.get("model")) or None,
            finish_reasons=[reason for _, reason in sorted(self._finish_reasons.items())],
            usage=_read_usage(self._usage),
            attributes=self._logprobs.attributes(),
            read_messages=self._read_messages,
        )

    def _read_messages(self) -> list[Message]:
        return [
            answer(parts.text("".join(texts)), self._finish_reasons.get(index))
            for index, texts in sorted(self._texts.items())
        ]


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    set_floats(attributes, body, SAMPLING)
    set_integers(attributes, body, _INTEGERS)
    set_choice_count(attributes, body)
    set_stop_sequences(attributes, body)
    return attributes


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(messages=user_messages(body.get("prompt")))


def _read_response(completion: Any) -> Response:
    held = fields_of(completion)
    choices = held.get("choices") or ()
    return Response(
        id=text_of(held.get("id")) or None,
        model=text_of(held.get("model")) or None,
        finish_reasons=[reason for choice in choices if (reason := text_of(choice.finish_reason))],
        usage=_read_usage(held.get("usage")),
        attributes=_logprobs(choices),
        read_messages=lambda: [
            answer(parts.text(choice.text), text_of(choice.finish_reason)) for choice in choices
        ],
    )


def _logprobs(choices: Sequence[Any]) -> Mapping[str, AttributeValue]:
    if not choices or (said := choices[0].logprobs) is None:
        return {}
    logprobs = Logprobs()
    logprobs.add_completion(said)
    return logprobs.attributes()


def _read_usage(usage: Any) -> Usage | None:
    if usage is None:
        return None
    held = fields_of(usage)
    answered = fields_of(held.get("completion_tokens_details"))
    counts = {
        units.INPUT_TOKENS: count_of(held.get("prompt_tokens")),
        units.OUTPUT_TOKENS: count_of(held.get("completion_tokens")),
        units.CACHE_READ_TOKENS: count_of(fields_of(held.get("prompt_tokens_details")).get("cached_tokens")),
        units.REASONING_TOKENS: count_of(answered.get("reasoning_tokens")),
    }
    return Usage(counts, cost_usd=reported_cost(held))


COMPLETIONS: Final = Endpoint(
    operation=names.TEXT_COMPLETION,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Chunks,
    events=EVENTS,
)
