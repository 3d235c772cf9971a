"""Records, which are evaluated outside the service, and their results."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from otel_llm.errors import RecordError
from otel_llm.evaluate.definition.result import Label, Target
from otel_llm.genai.answers import with_reasoning_apart
from otel_llm.genai.call import Call, Message, Part
from otel_llm.genai.parts import as_text, read_tool_calls
from otel_llm.genai.problems import Source
from otel_llm.text.well_formed import well_formed

RecordId = str | int

_MANY: Final = 80  # characters of a wrong value that a message shows
# a softmax in half precision may round to a value above 0
_MOST_LOGPROB: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One answer, with its input, context and other known facts."""

    output: str | None = None
    """Answer; None means the first of `choices`."""
    id: RecordId | None = None
    """Id of the record's results; None means the number of the record, from 1."""
    input: str | None = None
    """Question or request of the user."""
    context: Sequence[str] | str | None = None
    """Texts that the answer should keep to; a text counts as a list with one."""
    system: str | None = None
    """System instructions."""
    choices: Sequence[str] | None = None
    """Several answers to the same input."""
    logprobs: Sequence[float] | None = None
    """Natural logarithms of the probabilities of the answer's tokens."""
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    """Calls of tools in the answer, with `name` and `arguments`, or as OpenAI's API writes them."""
    tool_results: Sequence[Any] | None = None
    """What tools answered before: texts, or values of JSON."""


KEYS: Final = tuple(field.name for field in dataclasses.fields(Record))


@dataclass(frozen=True, slots=True)
class RecordResult:
    """One evaluator's result on one side of one record."""

    id: RecordId
    evaluator: str
    target: Target
    score: float | None
    """Probability of what the evaluator is named for, in [0, 1]; None with not_applicable and error."""
    label: Label
    explanation: str | None
    """Reason with the labels fail and partial; class of the exception with error; else None."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, in the order of a line of `otel-llm evaluate --format jsonl`."""
        return {name: getattr(self, name) for name in self.__slots__}


class RecordCall(Call):
    """A record as a call: `output_text` is the first choice alone, and the others are compared with it."""

    __slots__ = ()

    @property
    def output_text(self) -> str:
        """The answer, without the other choices."""
        return self.output[0].text


def read_record(value: object, number: int) -> Record:
    """Return the checked record of a mapping or a `Record`, with an id: `number`, if it has none.

    A key with the value None counts as missing; an unknown key is ignored.

    Raises:
        RecordError: a value is wrong; the message names key, value and remedy.
    """
    given = _given(value)
    read = Record(
        id=_id(given.get("id"), number),
        output=_text(given, "output"),
        input=_text(given, "input"),
        context=_texts(given, "context", one_is_enough=True),
        system=_text(given, "system"),
        choices=_texts(given, "choices"),
        logprobs=_logprobs(given.get("logprobs")),
        tool_calls=_tool_calls(given.get("tool_calls")),
        tool_results=_tool_results(given.get("tool_results")),
    )
    if read.output is None and not read.choices and not read.tool_calls:
        others = ", ".join(repr(key) for key in given if key not in KEYS)
        raise RecordError(
            f'output: is missing{f" among {_shortened(others)}" if others else ""}: give the answer as "output",'
            ' "" where there was none'
        )
    return read


def call_of(record: Record) -> RecordCall:
    """Return the record as a call; its ids are computed from the record's id, the same in every run."""
    digest = hashlib.sha256(json.dumps(record.id).encode()).hexdigest()
    results = [
        Message("tool", (Part("tool_call_response", well_formed(as_text(each))),))
        for each in record.tool_results or ()
    ]
    documents = (
        [part.text for result in results for part in result.parts] if record.context is None else record.context
    )
    return RecordCall(
        trace_id=digest[:32],
        span_id=digest[32:48],
        service="otel-llm evaluate",
        operation="chat",
        provider="",
        request_model="",
        input=(*(() if record.input is None else (_message("user", record.input),)), *results),
        output=with_reasoning_apart(_output(record)),
        system=record.system or "",
        documents=tuple(text for text in documents if text.strip()),
        logprobs=tuple(record.logprobs or ()),
        start_ns=0,
        duration_s=0.0,
    )


def _output(record: Record) -> list[Message]:
    """Return a message for each answer; the calls of tools belong to the first."""
    calls = read_tool_calls(list(record.tool_calls or ()), Source("tool_calls", "output"))
    first, *others = [_message("assistant", text) for text in _answers(record)] or [Message("assistant", ())]
    return [replace(first, parts=first.parts + calls), *others]


def _answers(record: Record) -> list[str]:
    """Return the answer, then the other choices; the answer may be one of the choices, or a further one."""
    choices = list(record.choices or ())
    if record.output is None:
        return choices
    if record.output in choices:
        choices.remove(record.output)
    return [record.output, *choices]


def _message(role: str, text: str) -> Message:
    return Message(role, (Part("text", text),))


def _given(value: object) -> Mapping[Any, Any]:
    if isinstance(value, Record):
        return {key: getattr(value, key) for key in KEYS}
    if not isinstance(value, Mapping):
        raise RecordError(f'must be an object such as {{"output": "…"}}, got {_described(value)}')
    return value


def _id(value: object, number: int) -> RecordId:
    if value is None:
        return number
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise RecordError(f"id: must be a text or a whole number, got {_described(value)}")


def _text(given: Mapping[Any, Any], key: str) -> str | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RecordError(f"{key}: must be a text, got {_described(value)}: leave it out where there is none")
    return well_formed(value)


def _texts(given: Mapping[Any, Any], key: str, *, one_is_enough: bool = False) -> tuple[str, ...] | None:
    value = given.get(key)
    if value is None:
        return None
    if one_is_enough and isinstance(value, str):
        return (well_formed(value),)
    for index, text in enumerate(_list(value, key, "texts")):
        if not isinstance(text, str):
            raise RecordError(f"{key}[{index}]: must be a text, got {_described(text)}")
    return tuple(well_formed(text) for text in value)


def _logprobs(value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    for index, number in enumerate(_list(value, "logprobs", "numbers, one per token of the answer")):
        if not isinstance(number, int | float) or isinstance(number, bool):
            raise RecordError(f"logprobs[{index}]: must be a number, got {_described(number)}")
        if not (math.isfinite(number) and number <= _MOST_LOGPROB):
            raise RecordError(
                f"logprobs[{index}]: must be the natural logarithm of a probability, finite and at most 0,"
                f" got {_described(number)}"
            )
    return tuple(min(float(number), 0.0) for number in value)


def _tool_calls(value: Any) -> tuple[Mapping[str, Any], ...] | None:
    if value is None:
        return None
    for index, call in enumerate(_list(value, "tool_calls", "calls of tools")):
        inner = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
            raise RecordError(
                f'tool_calls[{index}]: must be an object such as {{"name": "http_post", "arguments": {{}}}},'
                f" got {_described(call)}"
            )
    return tuple(value)


def _tool_results(value: Any) -> tuple[Any, ...] | None:
    return None if value is None else tuple(_list(value, "tool_results", "texts or values of JSON"))


def _list(value: object, key: str, of: str) -> Sequence[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise RecordError(f"{key}: must be a list of {of}, got {_described(value)}: leave it out where unknown")
    return value


def _described(value: object) -> str:
    """Return a wrong value as JSON, shortened."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, str | int | float | list | tuple) or value is None:
        return _shortened(json.dumps(value, ensure_ascii=False, default=repr))
    return f"{type(value).__name__}"


def _shortened(text: str) -> str:
    return text if len(text) <= _MANY else f"{text[: _MANY - 1]}…"
