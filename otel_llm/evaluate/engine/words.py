"""The words of a sentence: stems, content words, numbers, names, negation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from otel_llm.evaluate.engine.quantities import TIME, in_one_form, rates_in_one_form

_TOKEN: Final = re.compile(r"\d[\d,.:]*\d|\d|[^\W\d_]+(?:['’][^\W\d_]+)?")  # noqa: RUF001 - a typographic apostrophe
_LISTED: Final = re.compile(r"\S+")
_STOP: Final = frozenset(
    _LISTED.findall(
        "a an the this that these those it its is are was were be been being am do does did have has had will"
        " would can could may might shall should must of to in on at by for from with as and or but if then than"
        " so there here he she they them their his her him i you we us our your my me who which what when where"
        " how also just about into over s t"
    )
)
_NEGATION: Final = frozenset(
    _LISTED.findall(
        "not no never none neither nor nobody nothing nowhere without cannot hardly lack lacks refuse refuses"
        " refused deny denies denied fail fails failed unable exclude excludes excluded except prohibited"
        " forbidden"
    )
)
_UNITS: Final = {
    "gb": "gigabytes", "mb": "megabytes", "kb": "kilobytes", "tb": "terabytes", "kg": "kilograms",
    "km": "kilometres", "cm": "centimetres", "mm": "millimetres", "ml": "millilitres",
}  # fmt: skip
_OPENERS: Final = re.compile(
    r"^\W*(?:i|we|let|please|sure|hello|hi|thank|thanks|yes|no|sorry|hope|feel|here)\b", re.IGNORECASE
)


_CACHED_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one sentence."""

    stems: tuple[str, ...]
    content: frozenset[str]
    bigrams: frozenset[tuple[str, str]]
    numbers: frozenset[frozenset[str]]
    """All forms of each number in the sentence: 5 pm is 5 and 17."""
    names: frozenset[str]
    negated: bool
    opens_politely: bool
    """True if the sentence starts like a greeting, an offer or a word about oneself."""
    asks: bool

    @property
    def number_forms(self) -> frozenset[str]:
        """All forms of all numbers."""
        return frozenset().union(*self.numbers)


def words(sentence: str) -> Words:
    """Return the words of one sentence."""
    # documents recur from call to call; but pages without a full stop would fill the memory of a cache
    return _read_once(sentence) if len(sentence) <= _CACHED_CHARACTERS else _read(sentence)


def _read(sentence: str) -> Words:
    tokens = _TOKEN.findall(rates_in_one_form(in_one_form(sentence)))
    lowered = [_UNITS.get(token, token) for token in map(str.lower, tokens)]
    stems = tuple("1" if word == "one" else _stem(word) for word in lowered)
    content = [stem for stem, token in zip(stems, lowered, strict=True) if token not in _STOP]
    names = {
        stem
        for place, (stem, word) in enumerate(zip(stems, tokens, strict=True))
        if word[0].isupper() and word != "I" and (place > 0 or word.isupper())
    }
    return Words(
        stems=stems,
        content=frozenset(content),
        bigrams=frozenset(pairwise(content)),
        numbers=_numbers(sentence, lowered),
        names=frozenset(names),
        negated=any(token in _NEGATION or token.endswith(("n't", "n’t")) for token in lowered),  # noqa: RUF001
        opens_politely=bool(_OPENERS.match(sentence)),
        asks=sentence.rstrip().endswith("?"),
    )


_read_once = lru_cache(maxsize=4096)(_read)


def coverage(
    part: frozenset[str] | frozenset[tuple[str, str]], whole: frozenset[str] | frozenset[tuple[str, str]]
) -> float:
    """Return the share of the part's elements that are in the whole; 1 where the part is empty."""
    return len(part & whole) / len(part) if part else 1.0


def overlap(claims: frozenset[str], passage: frozenset[str]) -> float:
    """Return the share of the claims' content words that are in the passage."""
    return len(claims & passage) / max(len(claims), 1)


def _numbers(sentence: str, lowered: Sequence[str]) -> frozenset[frozenset[str]]:
    numbers = {plain: {plain} for word in lowered if word[0].isdigit() and (plain := _plain(word))}
    for hour, minute, half in TIME.findall(sentence):
        late = int(hour) % 12 + (12 if half.lower() == "p" else 0)
        tail = f":{minute}" if minute and minute != "00" else ""
        numbers.setdefault(f"{late}{tail}", set()).update({f"{late}{tail}", f"{hour}{tail}"})
    return frozenset(frozenset(forms) for forms in numbers.values())


def _plain(number: str) -> str:
    number = number.replace(",", "")
    number = re.sub(r":00$", "", number)
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return re.sub(r"^0+(?=\d)", "", number)


def _stem(word: str) -> str:
    if word[0].isdigit():
        return _plain(word)
    word = word.removesuffix("'s").removesuffix("’s")  # noqa: RUF001
    for suffix in ("ing", "ies", "ed", "es", "s", "ly"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(suffix)
            break
    return word.removesuffix("e").removesuffix("y") if len(word) > 3 else word
