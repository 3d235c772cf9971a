"""Parts of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """A part of a text, by its first character and the one after its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text with its place."""

    span: Span
    """Place in the text that the piece was cut from."""
    text: str
