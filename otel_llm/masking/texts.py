"""Texts without the personal data and the secrets in them, where placeholders such as `[EMAIL_ADDRESS]` stand.

What is found is what the evaluators `pii` and `secrets` say fails, in the whole text however long. JSON stays
JSON: its strings are masked one by one, JSON in them likewise, and then what is found in it as a text, where a key
says what a value is. A text that is no JSON may have been, before a limit on attributes cut it: it is searched as
its escapes read, too, for the "n" of a "\\n" hides the beginning of what is behind it.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from array import array
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
"""What stands for a text in which more is found however often it is masked."""
_ROUNDS: Final = 4
"""A placeholder changes what is near it: what is found only then is masked too."""
_MAX_DEPTH: Final = 8
"""JSON in JSON beyond that is masked as text."""

_NOTHING: Final = re.compile(r"[a-z_]{0,24}|.{0,3}", re.DOTALL)
"""Words such as "role" and "assistant", of which JSON is full: nothing can be found in them."""
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LITERAL: Final = re.compile(rf"{_STRING.pattern}|-?\d[\d.eE+-]*")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)
_UNIT: Final = re.compile(rf"{_ESCAPE.pattern}|.", re.DOTALL)
"""A character as JSON writes it."""


class Place(NamedTuple):
    """What is to be masked: its first character, the one after its last, and its type."""

    start: int
    end: int
    type: str


Find = Callable[[str], Iterable[Finding]]


class Masker:
    """Masks what a function finds. May be used by several threads."""

    def __init__(self, find: Find) -> None:
        """Mask whatever `find` yields; findings may overlap."""
        self._find = find

    def mask(self, text: str, key: str = "") -> str:
        """Return the text, masked; where it is JSON, it stays JSON.

        Args:
            text: the text.
            key: what the text is said to be, which makes surer what is in it.

        Raises:
            ValueError: it is JSON that is too deep to be read.
        """
        return self._mask(text, key, 0)

    def _mask(self, text: str, key: str, depth: int) -> str:
        if _NOTHING.fullmatch(text):
            return text
        if depth < _MAX_DEPTH and _is_json(text):
            text = _STRING.sub(lambda string: self._string(string[0], depth + 1), text)
            return _repeated(
                lambda text: _cut_literals(text, _places(self._find(text))), text, json.dumps(_MASKED)
            )
        text = self._as_value(text, key) if key else text
        return _repeated(lambda text: _cut(text, self._places_in(text)), text, _MASKED)

    def _string(self, literal: str, depth: int) -> str:
        value = json.loads(literal)
        masked = self._mask(value, "", depth)
        return literal if masked == value else _quoted(masked)

    def _as_value(self, text: str, key: str) -> str:
        before = len(key) + 2
        places = _places(self._find(f"{key}: {text}"))
        return _cut(
            text, [Place(max(0, p.start - before), p.end - before, p.type) for p in places if p.end > before]
        )

    def _places_in(self, text: str) -> list[Place]:
        """Return what is found in the text, as it is and as its escapes read, be they escaped again."""
        places = _places(self._find(text))
        readings: list[_Reading] = []
        while len(readings) < _MAX_DEPTH and _ESCAPE.search(text):
            readings.append(_Reading(text))
            text = readings[-1].text
            found = _places(self._find(text))
            for reading in reversed(readings):
                found = [Place(reading.place(p.start), reading.place(p.end), p.type) for p in found]
            places += found
        return _united(places)


class _Reading:
    """A text as its escapes read."""

    def __init__(self, text: str) -> None:
        self._escapes = array("I")  # where in what is read
        self._gone = array("I")  # characters by which the text is longer, up to there and with it
        self.text = _ESCAPE.sub(self._take, text)

    def _take(self, escape: re.Match[str]) -> str:
        gone = self._gone[-1] if self._gone else 0
        self._escapes.append(escape.start() - gone)
        self._gone.append(gone + escape.end() - escape.start() - 1)
        return _read(escape[0])

    def place(self, position: int) -> int:
        """Return where in the text the character begins that is at a position of what is read."""
        before = bisect_left(self._escapes, position)
        return position + (self._gone[before - 1] if before else 0)


@functools.cache
def masker() -> Masker:
    """Return what masks by the installed evaluators `pii` and `secrets`.

    Raises:
        ConfigError: one of them is not installed.
        ModelError: one of them is not as its manifest says.
    """
    manifests = {manifest.name: manifest for manifest in evaluator_manifests()}
    if missing := [name for name in _FINDERS if name not in manifests]:
        raise ConfigError(
            f"inline.content: must be keep or strip where {' and '.join(missing)} is not installed, got 'mask':"
            " pip install otel-llm-evaluators"
        )
    finders = [_finder(manifests[name]) for name in _FINDERS]
    return Masker(lambda text: _sure(finders, text))


def _finder(manifest: EvaluatorManifest) -> Finder:
    # an evaluator may leave out the middle of a long text, masking must not
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
        json.loads(text, parse_int=str)  # an integer may be longer than Python reads
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


def _read(escape: str) -> str:
    """Return the character for which that escape stands."""
    if escape[1] == "u" and escape[2:]:
        character: str = json.loads(f'"{escape}"')
        return "\ufffd" if "\ud800" <= character <= "\udfff" else character
    return _ESCAPES.get(escape[1], escape[1])


def _united(places: Iterable[Place]) -> list[Place]:
    """Return places in order and never overlapping, each of the type of the first."""
    united: list[Place] = []
    for place in sorted(places):
        if united and place.start < united[-1].end:
            united[-1] = united[-1]._replace(end=max(united[-1].end, place.end))
        else:
            united.append(place)
    return united


def _places(findings: Iterable[Finding]) -> list[Place]:
    """Return what the findings cover, in order and never overlapping, each by the type of the surest finding."""
    places: list[Place] = []
    confidence = 0.0
    for found in sorted(findings, key=lambda each: (each.start, -each.end)):
        if places and found.start < places[-1].end:
            before = places[-1]
            surest = found.type if found.confidence > confidence else before.type
            places[-1] = Place(before.start, max(before.end, found.end), surest)
            confidence = max(confidence, found.confidence)
        else:
            places.append(Place(found.start, found.end, found.type))
            confidence = found.confidence
    return places


def _cut(text: str, places: Sequence[Place]) -> str:
    kept: list[str] = []
    position = 0
    for place in places:
        kept += (text[position : place.start], f"[{place.type}]")
        position = place.end
    return "".join((*kept, text[position:]))


def _cut_literals(text: str, places: Sequence[Place]) -> str:
    """Return JSON without what of its strings and numbers lies in the places."""
    if not places:
        return text

    def cut(literal: re.Match[str]) -> str:
        start, end = literal.span()
        first = bisect_right(places, start, key=lambda place: place.end)
        last = bisect_left(places, end, key=lambda place: place.start)
        own = [Place(place.start - start, place.end - start, place.type) for place in places[first:last]]
        if not own:
            return literal[0]
        return _cut_string(literal[0], own) if literal[0][0] == '"' else f'"[{own[0].type}]"'

    return _LITERAL.sub(cut, text)


def _cut_string(literal: str, places: Sequence[Place]) -> str:
    """Return a string of JSON without the characters that lie in the places, be it in part."""
    kept: list[str] = []
    left = deque(places)
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
    # half a surrogate pair is legal in JSON's escapes, and nowhere else
    return json.dumps(text) if any("\ud800" <= character <= "\udfff" for character in quoted) else quoted
