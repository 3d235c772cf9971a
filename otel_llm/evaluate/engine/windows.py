"""Long texts, cut into windows that a model can take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from otel_llm.evaluate.definition.encoding import IntArray
from otel_llm.evaluate.definition.result import Read
from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.sentences import sentences

# A token has about four characters of English. At most twice that number per token of a window is tokenized, which
# bounds the work on one text.
CHARACTERS_PER_TOKEN: Final = 8
_WORD: Final = re.compile(r"\w")


@dataclass(frozen=True, eq=False)
class Tokens:
    """A run of a text's tokens: whole sentences, if they fit."""

    ids: list[int]
    offsets: IntArray
    """(tokens, 2): first and end character of each token."""

    @property
    def span(self) -> Span:
        """Place of the run in the text."""
        return Span(int(self.offsets[0, 0]), int(self.offsets[-1, 1])) if len(self.offsets) else Span(0, 0)


def cut(tokenizer: Tokenizer, text: str, *, max_tokens: int, max_windows: int) -> list[Tokens]:
    """Return the text's tokens, without special ones, in runs of at most `max_tokens`; at least one run.

    A text is cut between sentences; a sentence longer than a run is cut anywhere. Of a text with more than
    `max_windows` runs, the first half and the last half of that number are returned.
    """
    half = max_windows // 2
    runs = [
        Tokens(tokens.ids[first:last], offsets[first:last] + begin)
        for begin, piece in _pieces(text, half * max_tokens * CHARACTERS_PER_TOKEN)
        for tokens in [tokenizer.encode(piece, add_special_tokens=False)]
        for offsets in [np.array(tokens.offsets, dtype=np.int64).reshape(-1, 2)]
        for first, last in _runs(offsets[:, 0], sentences(piece), max_tokens)
    ]
    return runs if len(runs) <= 2 * half else runs[:half] + runs[-half:]


def covered(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return the stretches of the text that the spans cover; what has no word between two spans is covered too.

    Example:
        >>> covered("One. Two. Three.", [Span(0, 4), Span(5, 9)])
        [Span(start=0, end=10)]
    """
    stretches = [Span(0, 0)]
    for start, end in [*sorted(spans), Span(len(text), len(text))]:
        first, last = stretches[-1]
        gap = _WORD.search(text, last, start)
        if gap is None:
            stretches[-1] = Span(first, max(last, end))
        else:
            stretches[-1] = Span(first, gap.start())
            stretches.append(Span(start, end))
    return [span for span in stretches if span.end > span.start]


def read_of(text: str, spans: Iterable[Span]) -> Read:
    """Return how many characters of the text the spans cover."""
    return Read(part=sum(end - start for start, end in covered(text, spans)), whole=len(text), unit="characters")


def _pieces(text: str, half: int) -> Iterator[tuple[int, str]]:
    """Yield the place and text of each piece: the whole text, or its first and its last `half` characters."""
    if len(text) <= 2 * half:
        yield 0, text
    else:
        yield 0, text[:half]
        yield len(text) - half, text[-half:]


def _runs(starts: IntArray, spans: list[Span], limit: int) -> Iterator[tuple[int, int]]:
    """Yield (first, last) indices of runs of at most `limit` tokens, cut between sentences where possible."""
    borders = [*np.searchsorted(starts, [span.start for span in spans[1:]]).tolist(), len(starts)]
    first = last = 0
    for border in borders:
        if border - first > limit and last > first:
            yield first, last
            first = last
        while border - first > limit:
            yield first, first + limit
            first += limit
        last = border
    if last > first or last == 0:
        yield first, last
