"""POST /completions, the API before chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.fields import set_floats, set_integers
from otel_llm.instrument.clients.formats.plain_messages import answer, user_messages
from otel_llm.instrument.clients.openai.choices import ChoiceChunks, Fields, read_whole
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.clients.openai.logprobs import Logprobs
from otel_llm.instrument.clients.openai.reading import SAMPLING, set_choice_count, set_stop_sequences
from otel_llm.instrument.contract.data import Content, Endpoint, Message, Response

_INTEGERS: Final = {"max_tokens": names.REQUEST_MAX_TOKENS, "seed": names.REQUEST_SEED}


class _Chunks(ChoiceChunks):
    """The sum of a completion's chunks. Texts are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        super().__init__(content)
        self._texts: dict[int, list[str]] = {}

    def _add_logprobs(self, said: Any) -> None:
        self._logprobs.add_completion(said)

    def _add_choice(self, index: int, choice: Fields) -> None:
        self._texts.setdefault(index, []).append(parts.written(choice.get("text")))

    def _read_messages(self) -> list[Message]:
        return [
            answer(parts.text("".join(texts)), self._reasons.get(index))
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
    return read_whole(completion, _message_of, Logprobs.add_completion)


def _message_of(choice: Fields, finish_reason: str | None) -> Message:
    return answer(parts.text(choice.get("text")), finish_reason)


COMPLETIONS: Final = Endpoint(
    operation=names.TEXT_COMPLETION,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Chunks,
    events=EVENTS,
)
