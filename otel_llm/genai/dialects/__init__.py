"""The dialects in which libraries write GenAI spans: which attribute fills which field, one table per file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otel_llm.genai.dialects import genai, genai_legacy, litellm, openinference, openllmetry, vercel
from otel_llm.genai.dialects.dialect import Content, Dialect, Fields, Kind

__all__ = ["DIALECTS", "MARKERS", "Content", "Dialect", "Fields", "Kind", "dialect_of"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    vercel.DIALECT,
    openinference.DIALECT,
    litellm.DIALECT,
    openllmetry.DIALECT,
    genai_legacy.DIALECT,
    genai.DIALECT,
)
"""In the order in which they are tried: most libraries write names of the conventions beside their own."""

MARKERS: Final = (
    b"gen_ai.",
    *dict.fromkeys(dialect.marker for dialect in DIALECTS if dialect.marker != b"gen_ai."),
)
"""Every span of any of these dialects contains one of these bytes."""


_SIGNS: Final = tuple((sign, dialect) for dialect in DIALECTS for sign in dialect.signs)


def dialect_of(attributes: Mapping[str, bytes]) -> Dialect | None:
    """Return the dialect of a span with those attributes; None where it is of none."""
    for sign, dialect in _SIGNS:
        if sign in attributes:
            return dialect
    return None
