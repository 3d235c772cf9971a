"""Texts with placeholders such as `[EMAIL_ADDRESS]` in place of personal data and secrets.

A finding is masked if it would fail the evaluator `pii` or `secrets`; the whole text is searched, whatever its
length. JSON stays JSON: first its strings are masked one by one, and JSON inside them; then the findings in the
JSON as a text, where a key tells what a value is. A text that is no JSON may be JSON that a limit on attributes
has cut: the evaluators read it with its escapes decoded too, for the "n" of a "\\n" hides the beginning of the
word behind it.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from otel_llm.errors import ConfigError, ModelError
from otel_llm.evaluate.definition.installed import evaluator_manifests
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.finding.findings import Finder, Finding
from otel_llm.evaluate.kinds.loading import load_evaluator

_FINDERS: Final = ("pii", "secrets")
_MASKED: Final = "[MASKED]"
"""Placeholder for a whole text in which each round of masking leaves new findings."""
_ROUNDS: Final = 4
"""Rounds of masking: a placeholder changes the text near it, and may reveal a finding that is masked next."""
_MAX_DEPTH: Final = 8
"""Deeper JSON in JSON is masked as text."""

_NOTHING: Final = re.compile(r"[a-z_]{0,24}|.{0,3}", re.DOTALL)
"""Words such as "role" and "assistant", frequent in JSON: they cannot contain a finding."""
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LITERAL: Final = re.compile(rf"{_STRING.pattern}|-?\d[\d.eE+-]*")
_ESCAPE: Final = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\."
_UNIT: Final = re.compile(rf"{_ESCAPE}|.", re.DOTALL)
"""One character in the form that JSON writes."""


class MaskedRange(NamedTuple):
    """A range of a text to mask: its first character, the character after its last, and the type of finding."""

    start: int
    end: int
    type: str


Find = Callable[[str], Iterable[Finding]]


class Masker:
    """Masks the findings of a function. Any thread may call."""

    def __init__(self, find: Find) -> None:
        """Mask the findings of `find`, which may overlap."""
        self._find = find

    def mask(self, text: str, key: str = "") -> str:
        """Return the masked text; JSON stays JSON.

        Args:
            text: the text.
            key: the name of the value, which raises the confidence of findings.

        Raises:
            ValueError: the text is JSON that is too deep to be read.
        """
        return self._mask(text, key, 0)

    def _mask(self, text: str, key: str, depth: int) -> str:
        if _NOTHING.fullmatch(text):
            return text
        if depth < _MAX_DEPTH and _is_json(text):
            text = _STRING.sub(lambda string: self._string(string[0], depth + 1), text)
            return _repeated(
                lambda text: _cut_literals(text, _ranges(self._find(text))), text, json.dumps(_MASKED)
            )
        text = self._as_value(text, key) if key else text
        return _repeated(lambda text: _cut(text, _ranges(self._find(text))), text, _MASKED)

    def _string(self, literal: str, depth: int) -> str:
        value = json.loads(literal)
        masked = self._mask(value, "", depth)
        return literal if masked == value else _quoted(masked)

    def _as_value(self, text: str, key: str) -> str:
        before = len(key) + 2
        ranges = _ranges(self._find(f"{key}: {text}"))
        return _cut(
            text, [MaskedRange(max(0, p.start - before), p.end - before, p.type) for p in ranges if p.end > before]
        )


@functools.cache
def masker() -> Masker:
    """Return the masker that uses the installed evaluators `pii` and `secrets`.

    Raises:
        ConfigError: one of them is not installed.
        ModelError: one of them does not match its manifest.
    """
    manifests = {manifest.name: manifest for manifest in evaluator_manifests()}
    if missing := [name for name in _FINDERS if name not in manifests]:
        raise ConfigError(
            f"inline.content: must be keep or strip where {' and '.join(missing)} is not installed, got 'mask':"
            " pip install ./evaluators in a checkout of otel-llm"
        )
    finders = [_finder(manifests[name]) for name in _FINDERS]
    return Masker(lambda text: _sure(finders, text))


def _finder(manifest: EvaluatorManifest) -> Finder:
    # an evaluator may skip the middle of a long text, masking must not
    options = {**manifest.options, "max_characters": sys.maxsize}
    finder = load_evaluator(manifest.model_copy(update={"options": options}))
    if not isinstance(finder, Finder):
        raise ModelError(f"{manifest.folder}: code must name a finder, got {type(finder).__name__}")
    return finder


def _sure(finders: Sequence[Finder], text: str) -> Iterator[Finding]:
    for finder in finders:
        yield from (found for found in finder.find(text) if finder.manifest.is_fail(found.confidence))


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return False
    try:
        json.loads(text, parse_int=str)  # an integer may have more digits than Python reads
    except RecursionError:
        raise ValueError("is JSON that is too deep to be read") from None
    except ValueError:
        return False
    return True


def _repeated(cut: Callable[[str], str], text: str, last_resort: str) -> str:
    for _ in range(_ROUNDS):
        masked = cut(text)
        if masked == text:
            return text
        text = masked
    return last_resort


def _ranges(findings: Iterable[Finding]) -> list[MaskedRange]:
    """Return the ranges of the findings in order, overlapping ones united with the type of the surest."""
    ranges: list[MaskedRange] = []
    confidence = 0.0
    for found in sorted(findings, key=lambda each: (each.start, -each.end)):
        if ranges and found.start < ranges[-1].end:
            before = ranges[-1]
            surest = found.type if found.confidence > confidence else before.type
            ranges[-1] = MaskedRange(before.start, max(before.end, found.end), surest)
            confidence = max(confidence, found.confidence)
        else:
            ranges.append(MaskedRange(found.start, found.end, found.type))
            confidence = found.confidence
    return ranges


def _cut(text: str, ranges: Sequence[MaskedRange]) -> str:
    kept: list[str] = []
    position = 0
    for each in ranges:
        kept += (text[position : each.start], f"[{each.type}]")
        position = each.end
    return "".join((*kept, text[position:]))


def _cut_literals(text: str, ranges: Sequence[MaskedRange]) -> str:
    """Return JSON with placeholders for the parts of its strings and numbers that lie in the ranges."""
    if not ranges:
        return text

    def cut(literal: re.Match[str]) -> str:
        start, end = literal.span()
        first = bisect_right(ranges, start, key=lambda each: each.end)
        last = bisect_left(ranges, end, key=lambda each: each.start)
        own = [MaskedRange(each.start - start, each.end - start, each.type) for each in ranges[first:last]]
        if not own:
            return literal[0]
        return _cut_string(literal[0], own) if literal[0][0] == '"' else f'"[{own[0].type}]"'

    return _LITERAL.sub(cut, text)


def _cut_string(literal: str, ranges: Sequence[MaskedRange]) -> str:
    """Return a JSON string with placeholders for the characters that lie in the ranges, wholly or in part."""
    kept: list[str] = []
    left = deque(ranges)
    begun = False
    for unit in _UNIT.finditer(literal, 1, len(literal) - 1):
        while left and left[0].end <= unit.start():
            left.popleft()
            begun = False
        if not left or left[0].start >= unit.end():
            kept.append(unit[0])
        elif not begun:
            kept.append(f"[{left[0].type}]")
            begun = True
    return f'"{"".join(kept)}"'


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    # half a surrogate pair is legal only as an escape of JSON
    return json.dumps(text) if any("\ud800" <= character <= "\udfff" for character in quoted) else quoted
