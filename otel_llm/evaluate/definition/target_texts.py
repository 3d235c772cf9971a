"""The texts of a call on one side: what was said, the arguments of tool calls, the results of tools."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from otel_llm.evaluate.definition.result import Target
from otel_llm.genai.call import Call, Message, Part
from otel_llm.text.labels import label_of, labelled_items
from otel_llm.text.well_formed import well_formed

EvaluatedPart = Literal["text", "tool_call", "tool_call_response"]
"""A kind of part of messages that an evaluator may read."""

_MAX_DEPTH: Final = 8
"""JSON in JSON, and lists and objects in each other, that are read as data; what is deeper is read as a text."""
_MAX_JSON_CHARACTERS: Final = 500_000
"""JSON of one side of a call that is read as data; what is longer is read as a text."""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}")
"""A name that holds no value: only such names of tools and keys are in explanations."""


class Place(NamedTuple):
    """A part of a text in the words of an explanation."""

    where: str
    """Tool and key, as in "tool call http_post, card"; empty for what was said."""
    start: int
    """First character, counted in the value at that key."""
    end: int
    """The character after the last."""


class _Value(NamedTuple):
    key: str
    """Path to the value, as in "items.0.card"."""
    label: str
    """Name of the value, which says what the value is."""
    text: str


class _Line(NamedTuple):
    start: int
    value_start: int
    key: str


@dataclass(frozen=True, slots=True)
class TargetText:
    """One text on a side of a call.

    JSON is read as data: the text has a line "name: value" for each value, without escapes.
    """

    name: str
    """Tool, as in "tool call http_post"; empty for what was said."""
    text: str
    lines: tuple[_Line, ...] = ()
    """Lines of the text, if it was JSON."""

    def place(self, start: int, end: int) -> Place:
        """Return the place of a part of `text`: its characters count in the value that holds it."""
        if not self.lines:
            return Place(self.name, start, end)
        line = self.lines[bisect_right(self.lines, start, key=lambda line: line.start) - 1]
        if end <= line.value_start:
            return Place(f"{self.name}, name of {line.key}", start - line.start, end - line.start)
        return Place(f"{self.name}, {line.key}", max(0, start - line.value_start), end - line.value_start)


def target_texts(call: Call, target: Target, parts: Collection[EvaluatedPart]) -> list[TargetText]:
    """Return the texts of these parts on the target's side, without those of white space only.

    `text`: the last user message, or the answers. `tool_call`, of the output: the arguments of each call.
    `tool_call_response`, of the input: the results since the last message of the assistant, since those before it
    were part of an earlier call.
    """
    found = [TargetText("", call.input_text if target == "input" else call.output_text)] if "text" in parts else []
    if target == "output" and "tool_call" in parts:
        found += _tool_texts("tool call", (message.parts for message in call.output), "tool_call")
    if target == "input" and "tool_call_response" in parts:
        found += _tool_texts(
            "tool result", (message.parts for message in _since_answer(call)), "tool_call_response"
        )
    return [each for each in found if each.text.strip()]


def _since_answer(call: Call) -> Sequence[Message]:
    answers = [number for number, message in enumerate(call.input) if message.role == "assistant"]
    return call.input[answers[-1] + 1 if answers else 0 :]


def _tool_texts(kind: str, messages: Iterator[tuple[Part, ...]], type_: EvaluatedPart) -> Iterator[TargetText]:
    parts = (part for message in messages for part in message if part.type == type_)
    characters = 0
    for number, part in enumerate(parts, 1):
        name = f"{kind} {part.name if _PLAIN_NAME.fullmatch(part.name) else number}"
        characters += len(part.text)
        is_read = characters <= _MAX_JSON_CHARACTERS
        values = list(_values(part.text, "", "", 0)) if is_read else [_Value("", "", part.text)]
        if len(values) == 1 and not values[0].key:
            yield TargetText(name, values[0].text)
        else:
            yield _as_lines(name, values)


def _as_lines(name: str, values: Sequence[_Value]) -> TargetText:
    texts: list[str] = []
    lines: list[_Line] = []
    start = 0
    for value in values:
        label = f"{value.label}: " if value.label else ""
        lines.append(_Line(start, start + len(label), value.key))
        texts.append(f"{label}{value.text}")
        start += len(texts[-1]) + 1
    return TargetText(name, "\n".join(texts), tuple(lines))


def _values(value: object, key: str, label: str, depth: int) -> Iterator[_Value]:
    """Yield the texts and numbers in JSON."""
    if isinstance(value, str):
        inner = _loaded(value) if depth < _MAX_DEPTH else None
        if inner is None:
            yield _Value(key, well_formed(label), well_formed(value))
        else:
            yield from _values(inner, key, label, depth + 1)
    elif isinstance(value, dict) and depth < _MAX_DEPTH:
        for number, (name, item) in enumerate(value.items()):
            yield from _values(item, _path(key, name, number), label_of(value, name, label), depth + 1)
    elif isinstance(value, list) and depth < _MAX_DEPTH:
        for number, (name, item) in enumerate(labelled_items(value, label)):
            yield from _values(item, _path(key, "", number), name, depth + 1)
    elif isinstance(value, dict | list):
        yield _Value(key, well_formed(label), well_formed(" ".join(_leaves(value))))


def _leaves(value: object) -> Iterator[str]:
    """Yield the names, texts and numbers in lists and objects of any depth."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case list(items):
                waiting += reversed(items)
            case dict(fields):
                waiting += reversed([each for field in fields.items() for each in field])


def _path(key: str, name: str, number: int) -> str:
    step = name if _PLAIN_NAME.fullmatch(name) else str(number)
    return f"{key}.{step}" if key else step


def _loaded(text: str) -> object:
    """Return the object or list that a text is as JSON, its numbers as texts; None for any other text."""
    if not text.lstrip().startswith(("{", "[")) or not text.rstrip().endswith(("}", "]")):
        return None
    try:
        value: object = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
