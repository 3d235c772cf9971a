"""Rules that find values of known form, in linear time: RE2 patterns, checks of values, and words near them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from otel_llm.evaluate.finding.findings import Finding

Spans = Callable[[str], Iterable[tuple[int, int]]]
# A keyword counts if it is at most _BEFORE characters before the value, or _AFTER characters after it.
_BEFORE: Final = 70
_AFTER: Final = 25
_NEAR: Final = 0.45
_FAR: Final = 1000
"""Distance in words of a word that is not near."""
_WORD: Final = re.compile(r"[a-z]+")


def listed(words: str) -> frozenset[str]:
    """Return the words of a text, which are separated by white space."""
    return frozenset(words.split())


def any_of(patterns: str) -> str:
    """Return the pattern that matches any one of the patterns in a text, which are separated by white space."""
    return f"(?:{'|'.join(patterns.split())})"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One form that values of one type have."""

    type: str
    pattern: str | Spans
    """RE2 pattern, whose first group, if any, is the value; or a function that returns the spans of values."""
    mark: str
    """Short pattern that every match contains: a text without the mark is never searched."""
    confidence: float | Callable[[str], float]
    """Confidence without a context word near; or a function of the value, which returns 0 for a false match."""
    context: frozenset[str] = frozenset()
    """Lower-case words that make a value near them surer."""
    against: frozenset[str] = frozenset()
    """Lower-case words that make a value near them less sure."""
    less_sure: Callable[[str, int, int], bool] | None = None
    """Function of the text and the match's place: True makes the match less sure, as a word of `against` does."""
    extend: Callable[[str, int], int] | None = None
    """Function of the text and the match's end that returns the value's end; None means the match's end."""


class Rules:
    """Rules in one pass: one search finds which marks a text has, and only the rules of these marks run."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = list(rules)
        self._searches = [_search(rule.pattern) for rule in rules]
        # one automaton for all marks: one of whole patterns would outgrow its memory, and then RE2 finds nothing
        # without an error
        self._marks: Any = re2.Set.SearchSet()
        for rule in rules:
            self._marks.Add(rule.mark)
        self._marks.Compile()

    def find(self, text: str) -> Iterator[Finding]:
        """Yield what the rules find, rule by rule; findings may overlap."""
        source = _Source(text)
        for index in self._marks.Match(source.encoded) or ():
            rule = self._rules[index]
            for start, end in self._searches[index](source):
                if confidence := _confidence(rule, text, start, end):
                    yield Finding(rule.type, start, rule.extend(text, end) if rule.extend else end, confidence)


class _Source:
    """A text and its bytes: RE2 reads bytes, and would encode a string again for every search."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.encoded = text.encode(errors="replace")  # a lone surrogate becomes one "?", so that places stay
        self.plain = len(self.encoded) == len(text)

    def characters(self, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield spans of bytes, which come in order, as spans of characters."""
        if self.plain:
            yield from spans
            return
        byte, character = 0, 0
        for start, end in spans:
            first = character + len(self.encoded[byte:start].decode())
            byte, character = end, first + len(self.encoded[start:end].decode())
            yield first, character


def _search(pattern: str | Spans) -> Callable[[_Source], Iterable[tuple[int, int]]]:
    if not isinstance(pattern, str):
        return lambda source: pattern(source.text)
    compiled: Any = re2.compile(pattern)
    group = min(compiled.groups, 1)
    return lambda source: (
        span
        for span in source.characters(match.span(group) for match in compiled.finditer(source.encoded))
        if _stands_alone(source.text, *span)
    )


def _stands_alone(text: str, start: int, end: int) -> bool:
    r"""Return whether the span begins and ends at a word's edge: `\b` of RE2 knows only ASCII."""
    return not (
        (_in_word(text[start - 1 : start]) and _in_word(text[start]))
        or (_in_word(text[end - 1]) and _in_word(text[end : end + 1]))
    )


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _confidence(rule: Rule, text: str, start: int, end: int) -> float:
    base = rule.confidence if isinstance(rule.confidence, float) else rule.confidence(text[start:end])
    less_sure = bool(base) and rule.less_sure is not None and rule.less_sure(text, start, end)
    if not base or not (rule.context or rule.against or less_sure):
        return base
    before, after = _words(text[max(0, start - _BEFORE) : start]), _words(text[end : end + _AFTER])
    surer, less = (_nearest(before, after, words) for words in (rule.context, rule.against))
    # a word that names the value outweighs one that stands further away: "order 12, SSN 219-09-9999"
    return round(min(0.99, base + _NEAR * (surer < _FAR)) * (0.4 if less_sure or less < surer else 1), 3)


def _nearest(before: Sequence[str], after: Sequence[str], words: frozenset[str]) -> int:
    """Return how many words lie between the value and the nearest of the words; words after it count last."""
    for distance, word in enumerate(reversed(before)):
        if word in words or word.removesuffix("s") in words:
            return distance
    for distance, word in enumerate(after):
        if word in words or word.removesuffix("s") in words:
            return _BEFORE + distance
    return _FAR


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
