# ruff: noqa: RUF001 - letters that look alike
"""Letters that look like Latin ones, read as the Latin letters that a reader sees."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

# Cyrillic, Greek, Armenian and rare Latin letters. Source: Unicode's confusables (UTS 39), and what people use.
_TWINS_OF: Final = {
    "a": "аαɑ", "b": "ьЬв", "c": "сϲ", "d": "ԁ", "e": "еε", "g": "ɡց", "h": "һнհ", "i": "іιıɪɩ", "j": "ј",
    "k": "кκ", "l": "ӏ", "m": "м", "n": "пո", "o": "оοօ", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ", "t": "тτ",
    "u": "υս", "v": "ν", "w": "ԝω", "x": "хχ", "y": "уүγ",
    "A": "АΑⱭ", "B": "ВΒ", "C": "СϹ", "E": "ЕΕ", "H": "НΗ", "I": "ІΙ", "J": "Ј", "K": "КΚ", "M": "МΜ", "N": "Νɴ",
    "O": "ОΟ", "P": "РΡ", "Q": "Ԛ", "S": "Ѕ", "T": "ТΤ", "W": "Ԝ", "X": "ХΧ", "Y": "УΥҮ", "Z": "Ζ",
}  # fmt: skip
_LATIN: Final = {twin: letter for letter, twins in _TWINS_OF.items() for twin in twins}
# These look like Latin letters only beside them: words of Russian and Greek are full of them.
_LOOSE: Final = frozenset("вкмнпгтьαεικντυωηχβγρ")
_LETTERS: Final = re.compile(r"[^\W\d_]+")


def latin_lookalikes(text: str) -> str:
    """Return the text with Latin letters for letters that only look like them; its length stays.

    A full-width or mathematical letter is always the letter that it is a form of. A letter of another script is
    Latin in a word that has Latin letters too, and in a word of the closest look-alikes alone amid a Latin text.
    So a word of Russian or Greek stays.

    Example:
        >>> latin_lookalikes("you \\u0456di\\u043et"), latin_lookalikes("он идиот")
        ('you idiot', 'он идиот')
    """
    if text.isascii():
        return text
    plain = "".join(map(_form, text))
    latin = alike = foreign = 0
    for letter in plain:
        latin += letter.isascii() and letter.isalpha()
        alike += letter in _LATIN
        foreign += not letter.isascii() and letter not in _LATIN and letter.isalpha() and not _is_latin(letter)
    if not alike:
        return plain
    is_latin_text = latin > alike / 2 and latin > foreign
    return _LETTERS.sub(lambda word: _word(word[0], is_latin_text), plain)


def _word(word: str, is_latin_text: bool) -> str:
    if word.isascii() or not all(letter in _LATIN or _is_latin(letter) for letter in word):
        return word
    is_mixed = any(letter.isascii() for letter in word)
    if not is_mixed and (not is_latin_text or any(letter in _LOOSE for letter in word)):
        return word
    return "".join(_LATIN.get(letter, letter) for letter in word)


@lru_cache(maxsize=0x4000)
def _form(letter: str) -> str:
    """Return the ASCII letter that this is a compatibility form of; any other character as it is."""
    plain = unicodedata.normalize("NFKC", letter)
    return plain if len(plain) == 1 and plain.isascii() and plain.isalpha() else letter


@lru_cache(maxsize=0x4000)
def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN ")
