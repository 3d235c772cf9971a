"""The readings of a text: as it is, and as a reader sees it, in ASCII and without escapes.

A number is the same number with no-break spaces, with typographic hyphens or with the digits of another script.
An address is the same address percent-encoded or escaped for JSON, HTML or Markdown. Each pattern is written once,
for plain characters, and is applied to each reading; places are mapped back to the text.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Final

_DEPTH: Final = 8
"""Escapes inside escapes, as in JSON inside JSON, that are decoded."""
# Characters that a reader would not write otherwise: a text of these alone, and of ASCII, has no second reading.
_UNUSUAL: Final = re.compile(
    "[^\x00-\x9f\u00a1-\u00ac\u00ae-\u034e\u0350-\u061b\u061d-\u065f\u066a-\u06ef"  # Latin to Arabic
    "\u2012-\u2023\u2025-\u2027\u2030-\u2042\u2044-\u205e\u2070-\u2211\u2213-\u2fff"  # punctuation, symbols
    "\u3001-\u3163\u3165-\ua61f\uac00-\ud7af\uf900-\ufdff\ufe00-\ufe0f"  # East Asia; the selectors of emoji
    "\uff01-\uff0a\uff0c\uff1a-\uff1f\uff3b-\uff3e\uff5b-\uff9f\U0001f000-\U0001faff]"
)
# frequent in texts where they are no part of a value: they count beside a digit, or inside the name of a host
_FREQUENT: Final = re.compile("[\u2012-\u2015\u3002\u30fc\uff08\uff61\uff70]")
_BESIDE: Final = re.compile(
    r"[\u2012-\u2015\u30fc\uff70](?:(?<=[0-9].)|(?=[0-9]))|\uff08(?=[0-9])"
    r"|[\u3002\uff61](?<=[A-Za-z0-9].)(?=[A-Za-z])"
)
_LONG_VOWEL: Final = re.compile(r"(?<=[0-9])[\u30fc\uff70](?=[0-9])")  # of Japanese, also a dash in numbers
_STOP: Final = re.compile(r"(?<=[A-Za-z0-9])[\u3002\uff61](?=[A-Za-z])")
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e01ef]+"
)
_ESCAPE: Final = re.compile(  # begins with a set of characters, for which the search is fast
    r"[\\%&](?:(?<=\\)(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}"
    r"|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|.)"
    r"|(?<=%)(?:[2-7][0-9a-fA-F]|0[9aAdD]"  # URLs: one character of UTF-8
    r"|[cdCD][0-9a-fA-F]%[89abAB][0-9a-fA-F]|[eE][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){2}"
    r"|[fF][0-4](?:%[89abAB][0-9a-fA-F]){3})"
    r"|(?<=&)(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)",
    re.DOTALL,
)
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


class _Folds(dict[int, str]):
    """Characters and what a reader sees in their place; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        folded = _folded(chr(code))
        if len(self) < _MAX_FOLDS:
            self[code] = folded
        return folded


_FOLDS: Final = _Folds()
_MAX_FOLDS: Final = 30_000
_OF_CATEGORY: Final = {"Zs": " ", "Zl": "\n", "Zp": "\n", "Pd": "-"}
_OTHER_DASHES: Final = "\u2043\u2212"  # bullet, minus


def _folded(character: str) -> str:
    """Return the ASCII character that looks the same, or else the character itself."""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in _OF_CATEGORY or character in _OTHER_DASHES:
        return _OF_CATEGORY.get(category, "-")
    compatible = unicodedata.normalize("NFKC", character)
    # a superscript is no digit of a number
    return compatible if category != "No" and len(compatible) == 1 and compatible.isascii() else character


class _Reading:
    """A text in which some parts were replaced, and the places of its characters in the text before."""

    def __init__(self, parts: re.Pattern[str], replace: Callable[[str], str], text: str) -> None:
        self._marks = array("Q")  # twice the end of each replacement, plus 1 for a part that was removed
        self._gone = array("q")  # characters that are missing, up to and including each replacement
        self._last = 0
        self._replace = replace
        self.text = parts.sub(self._take, text)

    def _take(self, part: re.Match[str]) -> str:
        new = self._replace(part[0])
        self._marks.append(2 * (part.start() - self._last + len(new)) + (not new))
        self._last += part.end() - part.start() - len(new)
        self._gone.append(self._last)
        return new

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the text before of the characters from start to end.

        Characters that were removed right before or after them are not in it.
        """
        return self._before(start, 2 * start + 1), self._before(end, 2 * end)

    def _before(self, place: int, mark: int) -> int:
        index = bisect_right(self._marks, mark)
        return place + (self._gone[index - 1] if index else 0)


def find_in_readings(find: Callable[[str], Iterable[tuple[int, int]]], text: str) -> list[tuple[int, int]]:
    """Return the places in the text of what `find` finds in it or in another reading of it, in order."""
    found = list(find(text))
    if not is_plain(text):
        for reading, span in readings(text):
            found += [span(*each) for each in find(reading)]
    found.sort()
    return found


def is_plain(text: str) -> bool:
    """Return True if the text surely has no other reading, as most texts: four searches for one character."""
    return text.isascii() and "\\" not in text and "%" not in text and "&" not in text


def readings(text: str) -> Iterator[tuple[str, Callable[[int, int], tuple[int, int]]]]:
    """Yield each reading that differs from the text, and the function from places in it to places in the text."""
    way: list[_Reading] = []

    def span(start: int, end: int) -> tuple[int, int]:
        for reading in reversed(way):
            start, end = reading.span(start, end)
        return start, end

    if _is_odd(text) and (folded := _folded_text(text, way)) != text:
        text = folded
        yield text, span
    for _ in range(_DEPTH):
        if not _has_escapes(text):
            return
        way.append(_Reading(_ESCAPE, _decoded, text))
        text = _folded_text(way[-1].text, way)
        yield text, span


def _has_escapes(text: str) -> bool:
    """Return True if the text may have escapes of JSON, Markdown, HTML or URLs."""
    return ("\\" in text or "%" in text or "&" in text) and _ESCAPE.search(text) is not None


def _is_odd(text: str) -> bool:
    """Return True if the text may have characters that a reader would write otherwise."""
    return not text.isascii() and (
        _UNUSUAL.search(text) is not None
        or (_FREQUENT.search(text) is not None and _BESIDE.search(text) is not None)
    )


def _folded_text(text: str, way: list[_Reading]) -> str:
    """Return the text as a reader sees it; a removal of characters is added to the way."""
    if text.isascii():
        return text
    text = _LONG_VOWEL.sub("-", _STOP.sub(".", text).translate(_FOLDS))
    if _UNSEEN.search(text):
        way.append(_Reading(_UNSEEN, lambda _: "", text))
        text = way[-1].text
    return text


def _decoded(escape: str) -> str:
    """Return the characters that an escape stands for."""
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%":
        return bytes.fromhex(escape.replace("%", "")).decode(errors="replace")
    if len(escape) == 2:
        return _LETTERS.get(escape[1], escape[1])
    if len(escape) == 12:
        return str(json.loads(f'"{escape}"'))
    code = int(escape[2:].strip("{}"), 16)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF else chr(code)
