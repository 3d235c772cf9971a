"""The claims of an answer: its sentences, list items and table rows, without what claims nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.evaluate.api import Span, sentences
from otel_llm_evaluators.groundedness import absence, headings, tables
from otel_llm_evaluators.groundedness.courtesy import without_announcement, without_courtesy
from otel_llm_evaluators.groundedness.marks import item_mark, tidy, unmarked
from otel_llm_evaluators.groundedness.parts import sentence_parts

_LEAD: Final = 160  # characters: a longer line is no lead of a list
_ENDS: Final = (".", "!", "?", "。", "！", "？")  # noqa: RUF001 - full-width on purpose


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of an answer."""

    span: Span
    """Place in the answer."""
    text: str
    lacks: frozenset[str] | None = None
    """Words of what the claim says the documents lack; None if it says something else."""


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    original: str
    plain: str
    """The line with spaces in place of its marks."""


def claims(answer: str) -> list[Claim]:
    """Return the answer's claims in order.

    Example:
        >>> answer = "## Price\\n\\n1. It costs **5 euros** [1].\\n\\nSources:\\n[1] prices.pdf"
        >>> [claim.text for claim in claims(answer)]
        ['It costs 5 euros.']
    """
    return [
        Claim(span, piece, absence.lacking(piece))
        for span, text in _Statements(_lines(answer))
        for piece in absence.clauses(text)
    ]


def _lines(answer: str) -> list[_Line]:
    lines, start = [], 0
    for original, plain in zip(answer.split("\n"), unmarked(answer).split("\n"), strict=True):
        lines.append(_Line(start, original, plain))
        start += len(original) + 1
    return lines


class _Statements:
    """Place and text of all that the lines state, in order."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self._lines = lines
        self._columns: list[str] | None = None
        """Headings of the table that the line is in; None means in no table."""
        self._lead = ""
        """Words that belong to each item of the list that the line is in."""
        self._in_sources = False

    def __iter__(self) -> Iterator[tuple[Span, str]]:
        for number, line in enumerate(self._lines):
            below = self._lines[number + 1].plain if number + 1 < len(self._lines) else ""
            if tables.is_rule(line.plain):
                continue
            if tables.is_rule(below) and "|" in line.plain:
                self._columns, self._lead = [tidy(cell) for cell in tables.cells(line.plain)], ""
            elif tables.is_row(line.plain, in_table=self._columns is not None):
                if said := tables.row_claim(
                    [tidy(cell) for cell in tables.cells(line.plain)], self._columns or []
                ):
                    yield _trimmed(line, 0, len(line.plain)), said
            else:
                self._columns = None
                yield from self._of_text(number, line, below)

    def _of_text(self, number: int, line: _Line, below: str) -> Iterator[tuple[Span, str]]:
        mark, sources = item_mark(line.plain), headings.sources_heading(line.plain)
        defined = sources or headings.definition_mark(line.original)
        if sources is not None:
            self._in_sources, self._lead = True, ""
        elif headings.is_heading(line.original, line.plain, below):
            self._in_sources = False
        if sources is not None or defined or self._in_sources:
            if not headings.is_source(line.plain[defined:]):
                yield from _sentences(line, defined or mark)
        elif headings.is_heading(line.original, line.plain, below) and not (self._lead and mark):
            self._lead, _ = _lead(self._lines, number)
        elif mark:
            yield from _items(line, mark, self._lead)
        elif line.plain.strip():
            self._lead, below_ends = _lead(self._lines, number)
            if not self._lead or (below_ends and not headings.names_only(self._lead, _LEAD)):
                yield from _sentences(line, 0)


def _lead(lines: Sequence[_Line], number: int) -> tuple[str, bool]:
    """Return the words that belong to each item of the list below the line, and whether its first item needs none.

    The words are empty if the line leads to no list.
    """
    text = tidy(lines[number].plain)
    if not text.endswith(":") or len(text) > _LEAD or len(sentences(text)) != 1:
        return "", False
    below = next((line.plain for line in lines[number + 1 :] if line.plain.strip()), "")
    return (without_announcement(text), below.rstrip().endswith(_ENDS)) if item_mark(below) else ("", False)


def _items(line: _Line, mark: int, lead: str) -> Iterator[tuple[Span, str]]:
    """Yield the sentences of an item; one that is no whole sentence comes after the lead of its list."""
    whole = line.plain.rstrip().endswith(_ENDS)
    for span, text in _sentences(line, mark):
        yield span, text if whole or not lead else f"{lead}: {text}"


def _sentences(line: _Line, begin: int) -> Iterator[tuple[Span, str]]:
    plain = line.plain[begin:]
    for start, end in sentence_parts(plain):
        if text := tidy(without_courtesy(plain[start:end] + " ")):
            yield _trimmed(line, begin + start, begin + end), text


def _trimmed(line: _Line, start: int, end: int) -> Span:
    piece = line.original[start:end]
    left = len(piece) - len(piece.lstrip())
    return Span(line.start + start + left, line.start + start + max(left, len(piece.rstrip())))
