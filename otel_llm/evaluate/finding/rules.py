"""Rules that find values of known form, in time linear in the text: RE2 patterns, checks, and words near them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from otel_llm.evaluate.finding.findings import Finding

Spans = Callable[[str], Iterable[tuple[int, int]]]
_BEFORE: Final = 70  # characters in which a word says what comes
_AFTER: Final = 25  # and what came
_NEAR: Final = 0.45
_WORD: Final = re.compile(r"[a-z]+")


def listed(words: str) -> frozenset[str]:
    """Return the words of a list that is written as one text."""
    return frozenset(words.split())


def any_of(patterns: str) -> str:
    """Return the pattern of any one of those in a text, which are divided by white space."""
    return f"(?:{'|'.join(patterns.split())})"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One form of one type."""

    type: str
    pattern: str | Spans
    """RE2, its first group the value where it has one; or a function that says where values begin and end."""
    mark: str
    """What every match has in it, as a short pattern: a text without it is never searched."""
    confidence: float | Callable[[str], float]
    """Without a context word near; or what gives it for the value, 0 for one that is none."""
    context: frozenset[str] = frozenset()
    """Lower-case words near it that make it surer."""
    against: frozenset[str] = frozenset()
    """Lower-case words near it that make it less sure."""
    extend: Callable[[str, int], int] | None = None
    """Of the text and where a match ends, where the value does."""


class Rules:
    """Rules in one pass: which marks a text has is asked once for all, and only rules whose mark is there run."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = list(rules)
        self._searches = [_search(rule.pattern) for rule in rules]
        # one automaton for all marks. They are short: over whole patterns it would outgrow its memory, and then
        # finds nothing without saying so
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
    """A text and its bytes: RE2 reads bytes, and encodes anew for every search of a string."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.encoded = text.encode(errors="replace")  # a lone surrogate is one character before and after
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
    r"""Return whether no word goes on where it begins or ends: `\b` of RE2 knows ASCII alone."""
    return not (
        (_in_word(text[start - 1 : start]) and _in_word(text[start]))
        or (_in_word(text[end - 1]) and _in_word(text[end : end + 1]))
    )


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _confidence(rule: Rule, text: str, start: int, end: int) -> float:
    base = rule.confidence if isinstance(rule.confidence, float) else rule.confidence(text[start:end])
    if not base or not (rule.context or rule.against):
        return base
    near = _words(text[max(0, start - _BEFORE) : start]) | _words(text[end : end + _AFTER])
    return round(min(0.99, base + _NEAR * bool(near & rule.context)) * (0.4 if near & rule.against else 1), 3)


def _words(text: str) -> set[str]:
    return {word for found in _WORD.findall(text.lower()) for word in (found, found.removesuffix("s"))}
