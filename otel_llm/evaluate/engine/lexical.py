"""What can be seen of a claim and its context by words alone: coverage, numbers, names, negation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from otel_llm.evaluate.engine.runtime import FloatArray

_TOKEN: Final = re.compile(r"\d[\d,.:]*\d|\d|[^\W\d_]+(?:['’][^\W\d_]+)?")  # noqa: RUF001 - a typographic apostrophe
_TIME: Final = re.compile(r"\b(\d{1,2})(?::(\d\d))?\s*([ap])\.?m\b", re.IGNORECASE)
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
        " refused deny denies denied fail fails failed unable"
    )
)
_TO_TWENTY: Final = _LISTED.findall(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen twenty"
)
_NUMBER_WORDS: Final = {word: str(value) for value, word in enumerate(_TO_TWENTY)} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
    "hundred": "100",
    "thousand": "1000",
}
_OPENERS: Final = re.compile(
    r"^\W*(?:i|we|let|please|sure|hello|hi|thank|thanks|yes|no|sorry|hope|feel|here)\b", re.IGNORECASE
)


_CACHED_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence as signals read it."""

    stems: tuple[str, ...]
    content: frozenset[str]
    bigrams: frozenset[tuple[str, str]]
    numbers: frozenset[frozenset[str]]
    """Each number as the forms that it may be written in: 5 pm is 5 and 17."""
    names: frozenset[str]
    negated: bool
    opens_politely: bool
    """Whether it starts like a greeting, an offer or a word about oneself."""
    asks: bool

    @property
    def number_forms(self) -> frozenset[str]:
        """All forms of all numbers."""
        return frozenset().union(*self.numbers)


def words(sentence: str) -> Words:
    """Return the words of one sentence."""
    # documents come again from call to call, but a cache of pages without a full stop would fill the memory
    return _read_once(sentence) if len(sentence) <= _CACHED_CHARACTERS else _read(sentence)


def _read(sentence: str) -> Words:
    tokens = _TOKEN.findall(sentence)
    lowered = [token.lower() for token in tokens]
    stems = tuple(_NUMBER_WORDS.get(token) or _stem(token) for token in lowered)
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


SIGNALS: Final = (
    "content covered by the context",
    "content covered by the best sentence",
    "bigrams covered by the context",
    "bigrams covered by the best sentence",
    "content missing, in words",
    "numbers covered by the context",
    "numbers covered by the best sentence",
    "has numbers",
    "names covered by the context",
    "names covered by the best sentence",
    "has names",
    "negated unlike the best sentence",
    "negated",
    "length",
    "length of the context",
    "opens politely",
    "asks",
    "content covered by the documents",
    "bigrams covered by the documents",
    "numbers covered by the documents",
    "names covered by the documents",
    "longest run of words found in the context",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that is said in the documents, wherever it is."""

    content: frozenset[str]
    bigrams: frozenset[tuple[str, str]]
    numbers: frozenset[str]

    @classmethod
    def of(cls, said: Iterable[Words]) -> Vocabulary:
        """Return the vocabulary of sentences."""
        read = list(said)
        return cls(
            content=frozenset().union(*(sentence.content for sentence in read)),
            bigrams=frozenset().union(*(sentence.bigrams for sentence in read)),
            numbers=frozenset().union(*(sentence.number_forms for sentence in read)),
        )


def signals(claim: Words, context: Sequence[Words], documents: Vocabulary) -> FloatArray:
    """Return one number in [0, 1] for each of `SIGNALS`; the context is given by sentences, at least one."""
    best = max(context, key=lambda sentence: _share(claim.content, sentence.content))
    content = frozenset().union(*(sentence.content for sentence in context))
    bigrams = frozenset().union(*(sentence.bigrams for sentence in context))
    numbers = frozenset().union(*(sentence.number_forms for sentence in context))
    return np.array(
        [
            _share(claim.content, content),
            _share(claim.content, best.content),
            _share(claim.bigrams, bigrams),
            max(_share(claim.bigrams, sentence.bigrams) for sentence in context),
            min(len(claim.content - content), 8) / 8,
            _numbers_share(claim, numbers),
            _numbers_share(claim, best.number_forms),
            bool(claim.numbers),
            _share(claim.names, content),
            _share(claim.names, best.content),
            bool(claim.names),
            claim.negated != best.negated,
            claim.negated,
            min(len(claim.stems), 40) / 40,
            min(sum(len(sentence.stems) for sentence in context), 300) / 300,
            claim.opens_politely,
            claim.asks,
            _share(claim.content, documents.content),
            _share(claim.bigrams, documents.bigrams),
            _numbers_share(claim, documents.numbers),
            _share(claim.names, documents.content),
            max(_longest_run(claim.stems, sentence.stems) for sentence in context) / max(len(claim.stems), 1),
        ],
        dtype=np.float32,
    )


def overlap(claims: frozenset[str], passage: frozenset[str]) -> float:
    """Return the share of the claims' content words that are in the passage."""
    return len(claims & passage) / max(len(claims), 1)


def _longest_run(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """Return how many words in a row both have."""
    longest, row = 0, [0] * (len(theirs) + 1)
    for word in mine:
        before = 0
        for index, other in enumerate(theirs, 1):
            before, row[index] = row[index], before + 1 if word == other else 0
            longest = max(longest, row[index])
    return longest


def _share(
    part: frozenset[str] | frozenset[tuple[str, str]], whole: frozenset[str] | frozenset[tuple[str, str]]
) -> float:
    return len(part & whole) / len(part) if part else 1.0


def _numbers_share(claim: Words, forms: frozenset[str]) -> float:
    if not claim.numbers:
        return 1.0
    return sum(bool(number & forms) for number in claim.numbers) / len(claim.numbers)


def _numbers(sentence: str, lowered: Sequence[str]) -> frozenset[frozenset[str]]:
    numbers = {}
    for word in lowered:
        plain = _NUMBER_WORDS.get(word) or (_plain(word) if word[0].isdigit() else None)
        if plain and word != "one":  # mostly a pronoun
            numbers[plain] = {plain}
    for hour, minute, half in _TIME.findall(sentence):
        late = int(hour) % 12 + (12 if half.lower() == "p" else 0)
        tail = f":{minute}" if minute and minute != "00" else ""
        numbers.setdefault(_plain(f"{hour}:{minute}" if minute else hour), set()).update(
            {f"{late}{tail}", f"{hour}{tail}"}
        )
    return frozenset(frozenset(forms) for forms in numbers.values())


def _plain(number: str) -> str:
    number = number.replace(",", "")
    number = re.sub(r":00$", "", number)
    number = re.sub(r"\.0+$", "", number)
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
