"""The dialects in which libraries write GenAI spans: one table of attributes and fields per file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_llm.genai.dialects import genai, genai_legacy, litellm, openinference, openllmetry, vercel
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields
from otel_llm.otlp.attributes import Attributes

__all__ = ["DIALECTS", "MARKERS", "CallContent", "Dialect", "Fields", "dialect_of", "has_content", "read_content"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    vercel.DIALECT,
    openinference.DIALECT,
    litellm.DIALECT,
    openllmetry.DIALECT,
    genai_legacy.DIALECT,
    genai.DIALECT,
)
"""The dialects in the order of trial: the conventions last, for most libraries also write their names."""

MARKERS: Final = (
    b"gen_ai.",
    *dict.fromkeys(dialect.marker for dialect in DIALECTS if dialect.marker != b"gen_ai."),
)
"""Every span of any dialect contains at least one of these byte strings."""


_SIGNS: Final = tuple((sign, dialect) for dialect in DIALECTS for sign in dialect.signs)


def dialect_of(attributes: Mapping[str, bytes]) -> Dialect | None:
    """Return the dialect of a span with these attributes; None if they are of no dialect."""
    for sign, dialect in _SIGNS:
        if sign in attributes:
            return dialect
    return None


def has_content(attributes: Attributes, events: Sequence[Any]) -> bool:
    """Return True if a span carries messages in any dialect: two libraries may write on one span."""
    return any(dialect.has_content(attributes, events) for dialect in DIALECTS)


def read_content(dialect: Dialect, attributes: Attributes, events: Sequence[Any]) -> CallContent:
    """Return the content of a call, as far as it can be read; a side that its dialect lacks is read in another."""
    content = dialect.read_content(attributes, events)
    for other in DIALECTS:
        lacking = [
            names
            for names, said in ((other.fields.input, content.input), (other.fields.output, content.output))
            if not said
        ]
        if other is not dialect and any(other.has_any(names, attributes, events) for names in lacking):
            content = _joined(content, other.read_content(attributes, events))
    return content


def _joined(content: CallContent, more: CallContent) -> CallContent:
    return CallContent(
        input=content.input or more.input,
        output=content.output or more.output,
        system=content.system or more.system,
        problems=tuple(dict.fromkeys(content.problems + more.problems)),
    )
