"""The dialects in which libraries write GenAI spans: one table of attributes and fields per file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otel_llm.genai.dialects import genai, genai_legacy, litellm, openinference, openllmetry, vercel
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields

__all__ = ["DIALECTS", "MARKERS", "CallContent", "Dialect", "Fields", "dialect_of"]

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
