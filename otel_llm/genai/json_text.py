"""JSON text on spans, read as far as it goes."""

from __future__ import annotations

from typing import NamedTuple

from otel_llm.errors import DecodeError
from otel_llm.genai.problems import ProblemReason, Source
from otel_llm.otlp.attributes import load_json
from otel_llm.text.cut_json import complete_json


class Loaded(NamedTuple):
    """JSON text as a value."""

    value: object
    """Lists, dicts and scalars; None if the text is no JSON."""
    problem: ProblemReason | None = None
    """What is wrong with the rest of the text. None means that the whole text is in the value."""

    def note(self, source: Source) -> None:
        """Keep the problem, if there is one, as one of the source."""
        if self.problem:
            source.problem(self.problem)


def load(text: str) -> Loaded:
    """Return the value of JSON text, or of its beginning if the rest is missing or malformed."""
    try:
        return Loaded(load_json(text, ""))
    except DecodeError:
        completed = complete_json(text)
    if completed is None:
        return Loaded(None)
    try:
        value = load_json(completed.text, "", strict=False)
    except DecodeError:  # tokens of JSON, in an order that is none
        return Loaded(None)
    return Loaded(value, None if completed.text == text else "cut" if completed.is_cut else "malformed")


def load_value(value: object, source: Source) -> object:
    """Return the value of JSON text; a text that is no JSON, and any other value, as it is."""
    if not isinstance(value, str):
        return value
    loaded = load(value)
    loaded.note(source)
    return value if loaded.value is None else loaded.value
