"""The sentences of a text, and passages of several sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from otel_llm.evaluate.definition.span import Span

# A sentence ends at a line break, at CJK punctuation, or at . ! ? (and closing quotes or brackets) before a space.
# A run of such marks is tried once, at its start: tried again at each mark, a million dots would take hours.
_BREAK: Final = re.compile(
    r"\n+|(?<=[。！？])|(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s)"  # noqa: RUF001 - full-width on purpose
)
# A full stop after these does not end a sentence; nor does one after a single capital (an initial).
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|sr|jr|vs|no|fig|vol|approx|inc|ltd|co|corp|etc|e\.g|i\.e|a\.m|p\.m)|\b[A-Z]"
    r"|^\s*\d{1,2})$",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"\w")


def sentences(text: str) -> list[Span]:
    """Return the text's sentences in order, without the white space around them.

    A sentence without a letter or digit is left out.

    Example:
        >>> text = "Dr. Ada left at 9. She came back."
        >>> [text[start:end] for start, end in sentences(text)]
        ['Dr. Ada left at 9.', 'She came back.']
    """
    return [span for span in (_trimmed(text, span) for span in _pieces(text)) if _WORD.search(text, *span)]


def passages(text: str, *, max_sentences: int, max_characters: int) -> list[Span]:
    """Return runs of whole sentences that cover the text in order and overlap nowhere.

    A sentence longer than `max_characters` is a passage of its own.
    """
    spans: list[Span] = []
    count = 0
    for sentence in sentences(text):
        if spans and count < max_sentences and sentence.end - spans[-1].start <= max_characters:
            spans[-1] = Span(spans[-1].start, sentence.end)
            count += 1
        else:
            spans.append(sentence)
            count = 1
    return spans


def _pieces(text: str) -> Iterator[Span]:
    start = 0
    for match in _BREAK.finditer(text):
        if match.group().startswith(".") and _ABBREVIATION.search(
            text[max(start, match.start() - 8) : match.start()]
        ):
            continue
        yield Span(start, match.end())
        start = match.end()
    yield Span(start, len(text))


def _trimmed(text: str, span: Span) -> Span:
    piece = text[span.start : span.end]
    return Span(span.start + len(piece) - len(piece.lstrip()), span.start + len(piece.rstrip()))
