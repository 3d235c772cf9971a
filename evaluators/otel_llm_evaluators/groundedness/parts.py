"""Sentences in parts that the model can read: of a longer text it would not read all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from otel_llm.evaluate.api import Span, sentences

_CHARACTERS: Final = 400
_CLAUSE: Final = re.compile(r"[,;:]\s")


def sentence_parts(text: str) -> Iterator[Span]:
    """Yield the text's sentences; one of more than 400 characters in parts, cut after a clause or else a word."""
    for start, end in sentences(text):
        begin = start
        while end - begin > _CHARACTERS:
            first, last = begin + _CHARACTERS // 2, begin + _CHARACTERS
            clause = max((match.end() for match in _CLAUSE.finditer(text, first, last)), default=0)
            cut = clause or text.rfind(" ", first, last) + 1 or last
            yield Span(begin, cut)
            begin = cut
        yield Span(begin, end)
