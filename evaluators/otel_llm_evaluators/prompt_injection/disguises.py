"""Disguises of a text, undone: look-alike and invisible characters, leet, codes.

A language model decodes them, so a filter must. All functions take time linear in the text's length.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Final
from urllib.parse import unquote

from otel_llm.evaluate.api import Span, latin_lookalikes

_WORDS_OF_ATTACKS: Final = """
ignore disregard forget previous prior above earlier all any instructions instruction rules rule guidelines
system prompt reveal show print say output repeat password secret you are now your act pretend assistant
execute run bypass override developer mode restrictions and the only reply respond with hello hacked pwned
tell me what following follow directions commands user code answer please write display unrestricted policy safety
"""
TELLING: Final = frozenset(_WORDS_OF_ATTACKS.split())
"""Words of attacks: a decoded text that has one of them was probably decoded correctly."""
_CODES: Final = 8  # codes that are decoded in one text
_CODE_LENGTH: Final = 4_000  # characters of one code
_DEPTH: Final = 2  # levels of codes in codes
_LEET: Final = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "tl", "8": "b", "9": "g", "@": "a",
    "$": "s", "!": "il", "|": "li", "€": "e", "+": "t",
}  # fmt: skip
_LEET_WORD: Final = re.compile(
    r"(?<![^\s\"'(\[*`:])(?=[\w@$!|€+]*[a-z])(?=[a-z]*[013456789@$!|€+])[\w@$!|€+]{2,24}", re.IGNORECASE
)
_GUESSES: Final = 32  # guesses at one word
_SPACED: Final = re.compile(r"(?<![^\W_])[^\W\d_](?:[ .\-_*]{1,3}[^\W\d_](?![^\W_])){4,400}+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}+={0,2}")
_HEX: Final = re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ ,:]?){10,}+")
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPES: Final = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})")
_ENTITY: Final = re.compile(r"&#?\w{1,8};")
_WORDS: Final = re.compile(r"[a-z]{2,}")
_CACHED: Final = (
    0x10000  # code points that are cached: texts have few beyond them, and a hostile text must not fill the memory
)
_TAGS: Final = range(0xE0000, 0xE0080)  # invisible copies of ASCII: a model reads them, a person does not


@dataclass(frozen=True)
class Reading:
    """One way to read a text, or a part of it."""

    text: str
    disguise: str
    """Name of the disguise; empty for the text itself."""
    place: Callable[[int, int], Span]
    """Function from a span of the reading to its span in the original text."""


class _Folded(dict[int, str]):
    """Table for `str.translate`: each character in NFKC; invisible and combining ones are removed."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code in _TAGS:
            folded = chr(code - _TAGS.start) if code - _TAGS.start >= 0x20 else ""
        elif code < 0x80:
            folded = character
        elif unicodedata.category(character) == "Cf" or 0x300 <= code < 0x370:
            folded = ""
        else:
            folded = unicodedata.normalize("NFKC", character)
        if code < _CACHED:
            self[code] = folded
        return folded


_FOLDED: Final = _Folded()


def fold(text: str) -> str:
    """Return the text as it looks: in NFKC, without invisible characters, with letters for their look-alikes.

    Example:
        >>> fold("ign\u200bore \u0430ll")
        'ignore all'
    """
    return text if text.isascii() else latin_lookalikes(text.translate(_FOLDED))


def undisguised(text: str) -> str:
    """Return the folded text; leet and spaced letters are undone if this gives telling words."""
    folded = fold(text)
    return _close_up(_unleet(folded))


def readings(text: str) -> Iterator[Reading]:
    """Yield the readings of a text: undisguised first, then each decoded code."""
    plain = undisguised(text)
    yield Reading(plain, "", _placer(text, plain))
    for start, end, decoded, disguise in _decoded(fold(text), _DEPTH):
        yield Reading(undisguised(decoded), disguise, _fixed(Span(min(start, len(text)), min(end, len(text)))))


def hidden_characters(text: str) -> int:
    """Return the number of invisible characters that no script and no emoji needs."""
    if text.isascii():
        return 0
    return sum(ord(character) in _TAGS or character in "\u200b\u2060\u2062\u2063" for character in text)


def _placer(text: str, plain: str) -> Callable[[int, int], Span]:
    if len(text) == len(plain):
        return Span

    def place(start: int, end: int) -> Span:
        # folding and joining keep the order, so a place keeps nearly its relative position
        share = len(text) / max(1, len(plain))
        return Span(int(start * share), min(len(text), int(end * share) + 1))

    return place


def _fixed(span: Span) -> Callable[[int, int], Span]:
    """Return a function that places every span of a decoded text at its code."""
    return lambda _, __: span


def _unleet(text: str) -> str:
    return _LEET_WORD.sub(lambda word: _guess(word[0]), text)


def _guess(word: str) -> str:
    """Return the word with letters for digits: the telling guess, or the first one if letters are the most."""
    bare = word.rstrip("!|+")  # a "!" after a word is an exclamation mark
    if bare.isalpha():
        return word
    options = [_LEET.get(letter, letter) for letter in bare.lower()]
    first = "".join(option[0] for option in options)
    if not first.isalpha():
        return word
    guesses = ("".join(letters) for letters in islice(product(*options), _GUESSES))
    telling = next((guess for guess in guesses if guess in TELLING), None)
    digits = sum(not letter.isalpha() for letter in bare)
    is_leet = len(bare) >= 4 and digits <= 0.7 * len(bare) and not bare[-1].isdigit()
    return word.replace(bare, telling or (first if is_leet else bare), 1)


def _close_up(text: str) -> str:
    """Return the text with rows of single letters joined; two spaces or more separate words."""
    return _SPACED.sub(lambda row: re.sub(rf"(?<=\w){re.escape(row[0][1])}(?=\w)", "", row[0]), text)


def _decoded(text: str, depth: int) -> Iterator[tuple[int, int, str, str]]:
    """Yield each code in the text, and codes in decoded text: (start, end, decoded, disguise)."""
    for start, end, decoded, disguise in islice(_codes(text), _CODES):
        yield start, end, decoded, disguise
        if depth > 1:
            inner = _decoded(decoded, depth - 1)
            yield from ((start, end, text, f"{disguise}, {name}") for _, _, text, name in inner)


def _codes(text: str) -> Iterator[tuple[int, int, str, str]]:
    for pattern, decode, disguise in ((_BASE64, _from_base64, "base64"), (_HEX, _from_hex, "hex")):
        for match in pattern.finditer(text):
            decoded = decode(match[0][:_CODE_LENGTH])
            if decoded and decoded != match[0] and _is_text(decoded):
                yield match.start(), match.end(), decoded, disguise
    start = text[:_CODE_LENGTH]
    if len(_PERCENT.findall(start)) >= 3:
        yield 0, len(start), unquote(start, errors="ignore"), "percent-encoding"
    if len(_ESCAPES.findall(start)) >= 4:
        yield 0, len(start), _ESCAPES.sub(lambda escape: chr(int(escape[0][2:], 16)), start), "escapes"
    if _ENTITY.search(start) and (decoded := html.unescape(start)) != start:
        yield 0, len(start), decoded, "entities"
    known = _telling(start)
    for guess, disguise in ((codecs.encode(start, "rot13"), "rot13"), (start[::-1], "reversed")):
        if _telling(guess) >= 3 and _telling(guess) > 2 * known:
            yield 0, len(start), guess, disguise


def _telling(text: str) -> int:
    return len(TELLING.intersection(_WORDS.findall(text.lower())))


def _from_base64(code: str) -> str:
    padded = code.rstrip("=").replace("-", "+").replace("_", "/")
    padded = padded[: len(padded) // 4 * 4] if len(padded) % 4 == 1 else padded
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4)).decode("utf-8", "ignore")
    except binascii.Error:  # the match was a word, not a code
        return ""


def _from_hex(code: str) -> str:
    digits = re.sub(r"0x|\\x|[ ,:]", "", code)
    return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8", "ignore")


def _is_text(decoded: str) -> bool:
    """Return whether the decoded text is plain text: letters, digits, spaces and punctuation."""
    plain = sum(
        character.isascii() and (character.isalnum() or character in " .,'\"!?:;\n") for character in decoded
    )
    return len(decoded) >= 6 and plain > 0.9 * len(decoded) and any(map(str.isalpha, decoded))
