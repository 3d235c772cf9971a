"""The segments of a text: what it says at one place, without the sentences and the markup around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from otel_llm.evaluate.definition.span import Piece, Span
from otel_llm.evaluate.engine.sentences import sentences

_LONG: Final = 120
"""Characters of a segment: a longer sentence is read in clauses, since one clause of many weighs little."""
# Marks before the words of a line: quotes, lists, headings, tables, emphasis.
_MARKS: Final = re.compile(
    r"^(?:[ \t]|[>*+#|_~`•–—-]|\d{1,3}[.)](?=\s)|\[[ xX]\])++",  # noqa: RUF001 - dashes
    re.MULTILINE,
)
# Tags, bars of a table, tabs, what divides the values of JSON, marks of emphasis and citations after a full stop.
_MARKUP: Final = re.compile(
    r"</?[A-Za-z!][^<>]{0,200}>|\s\|\s|\|\s*$|\t+|\\[nrt]|\"\s?[:,]\s?(?=[\"\[{\d])|[{}]"
    r"|(?<=[.!?…])[\"'”’)\]*_~`]*+(?:\[\d{1,3}\])*+\s"  # noqa: RUF001 - typographic quotation marks
)
_CLAUSE: Final = re.compile(
    r"(?<=[,;:])\s|\s[–—-]+(?=\s)|\s(?=(?:and|but|or|so|then|because|while)\s)"  # noqa: RUF001 - dashes
)
# What somebody is called before or behind what is said: "You fools, where is it?", "Where is it, you fools?"
_CALLED: Final = re.compile(r"\s*(?:hey\W{1,3})?(you\b[^,;:.!?\n]{2,40}),\s", re.IGNORECASE)
_CALLED_AT_END: Final = re.compile(r",\s(you\b[^,;:.!?\n]{2,40})[.!?]*\s*$", re.IGNORECASE)
_FULL_LINE: Final = 40  # characters
_LINE_BREAK: Final = re.compile(r"[ \t]*\n[ \t>]*")
_EDGES: Final = '"[]{}| '
_SPACE: Final = re.compile(r"\s")
_WORD: Final = re.compile(r"\w")
_ENDS: Final = (".", "!", "?", "…", ":", ";", "。", "！", "？")  # noqa: RUF001 - full-width on purpose


def segments(text: str) -> Iterator[Piece]:
    """Yield the segments in order: sentences, items of lists, cells of tables, values of JSON, clauses, what
    somebody is called.

    A sentence that goes on in the next line is one segment. Where its lines are short, they are segments too: such
    lines may have been meant to stand alone. Each segment has its place in the text; its own text has one space
    between words.

    Example:
        >>> [piece.text for piece in segments("> - **Fine.** Thanks!\\n\\n| first | second |")]
        ['Fine.', 'Thanks!', 'first', 'second']
    """
    # blanks for marks: a place in one text is the same place in the other
    plain = _MARKS.sub(lambda marks: " " * len(marks[0]), text)
    for lines in _sentences(text, plain):
        if not all(_is_full(text, line) for line in lines[:-1]):
            for line in lines:
                yield from _pieces(plain, line)
        yield from _pieces(plain, Span(lines[0].start, lines[-1].end))


def _sentences(text: str, plain: str) -> Iterator[list[Span]]:
    """Yield the lines of each sentence."""
    lines: list[Span] = []
    for span in sentences(plain):
        if lines and not _goes_on(text, lines[-1], span):
            yield lines
            lines = []
        lines.append(span)
    if lines:
        yield lines


def _goes_on(text: str, line: Span, after: Span) -> bool:
    """Return whether the sentence of the first line goes on in the line after it."""
    is_next = bool(_LINE_BREAK.fullmatch(text, line.end, after.start))
    return is_next and text[after.start].islower() and not text[line.start : line.end].endswith(_ENDS)


def _is_full(text: str, line: Span) -> bool:
    """Return whether the line that ends here is so long that it was broken for its length."""
    return line.end - text.rfind("\n", 0, line.end) > _FULL_LINE


def _pieces(text: str, span: Span) -> Iterator[Piece]:
    """Yield what markup divides, and clauses."""
    for part in _between(text, span, _MARKUP):
        for start, end in _clauses(text, part):
            words = " ".join(_MARKS.sub("", text[start:end]).split()).strip(_EDGES)
            if _WORD.search(words):
                yield Piece(Span(start, end), words)


def _between(text: str, span: Span, divider: re.Pattern[str]) -> Iterator[Span]:
    start = span.start
    for match in divider.finditer(text, span.start, span.end):
        yield Span(start, match.start())
        start = match.end()
    yield Span(start, span.end)


def _clauses(text: str, span: Span) -> Iterator[Span]:
    """Yield runs of clauses of at most `_LONG` characters; a longer clause is cut between words."""
    if span.end - span.start <= _LONG:
        yield span
        yield from _addresses(text, span)
        return
    borders = [span.start, *(match.start() for match in _CLAUSE.finditer(text, span.start, span.end)), span.end]
    start = span.start
    for border, following in pairwise(borders[1:]):
        if following - start > _LONG:
            yield from _cut(text, Span(start, border))
            start = border
    yield from _cut(text, Span(start, span.end))


def _addresses(text: str, span: Span) -> Iterator[Span]:
    """Yield what somebody is called at the beginning and at the end of the sentence."""
    sentence = text[span.start : span.end]
    for match in filter(None, (_CALLED.match(sentence), _CALLED_AT_END.search(sentence))):
        yield Span(span.start + match.start(1), span.start + match.end(1))


def _cut(text: str, span: Span) -> Iterator[Span]:
    """Yield parts of about the same length, of at most `_LONG` characters where the text has spaces."""
    start = span.start
    for count in range(-(-(span.end - span.start) // _LONG), 1, -1):
        aim = start + (span.end - start) // count
        space = _SPACE.search(text, aim, span.end)
        if space is None:
            break
        yield Span(start, space.start())
        start = space.start()
    yield Span(start, span.end)
