"""The context of a claim: the few sentences of the documents that together say the most of the claim."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, TypeAlias, TypeVar

from otel_llm.evaluate.api import Read, Words, bounded, coverage, words
from otel_llm_evaluators.groundedness.marks import item_mark, tidy, unmarked
from otel_llm_evaluators.groundedness.parts import sentence_parts
from otel_llm_evaluators.groundedness.signals import Vocabulary, numbers_share

_REPEATED: Final = 0.2  # weight of a word that a chosen sentence has already; a new word has 1
_BESIDE: Final = 0.15  # share of a chosen sentence's weight that its neighbours get

_CHOOSES_FROM: Final = 5  # times the characters that are read: of longer documents the rest is not looked at
_CACHED_CHARACTERS: Final = 20_000  # of a document; what is made of it takes some ten times as much memory
_WORD: Final = re.compile(r"\w+")

_CANDIDATES: Final = 8  # times the claims that are asked for
_Claim = TypeVar("_Claim")

_Part: TypeAlias = str | tuple[str, str]
"""A content word, or two in a row."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of a document."""

    text: str
    words: Words


@dataclass(frozen=True)
class Context:
    """The documents of a call, as sentences in their order."""

    said: tuple[Said, ...]
    characters: Read
    """Number of characters that were read of the documents."""

    @classmethod
    def read(cls, documents: Sequence[str], *, max_characters: int, about: str = "") -> Context:
        """Return the documents' sentences: of documents too long to read, those that share most with `about`."""
        whole = sum(map(len, documents))
        found = [
            said
            for document in bounded(documents, _CHOOSES_FROM * max_characters)
            for said in (_read_once if len(document) <= _CACHED_CHARACTERS else _read)(document)
        ]
        part = whole
        if whole > max_characters:
            found = _nearest(found, about, max_characters)
            part = sum(len(each.text) for each in found)
        return cls(tuple(found), Read(part=part, whole=whole, unit="characters of the documents"))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All words of the documents."""
        return Vocabulary.of(each.words for each in self.said)

    def says(self, claim: Words) -> bool:
        """Return whether a sentence of the documents has exactly the claim's words."""
        return claim.stems in self._stems

    def nearest(self, parts: Iterable[str]) -> tuple[float, Said]:
        """Return the largest share of the words that one sentence has, and the first such sentence."""
        wanted = frozenset(parts)
        found = Counter(place for word in wanted for place in self._places.get(word, ()))
        place, count = max(found.items(), key=lambda entry: (entry[1], -entry[0]), default=(0, 0))
        return count / max(len(wanted), 1), self.said[place]

    def most_doubtful(
        self, claims: Sequence[_Claim], words_of: Callable[[_Claim], Words], count: int
    ) -> list[_Claim]:
        """Return `count` claims, those of whose words the documents lack the most; all of fewer claims."""
        if len(claims) <= count:
            return list(claims)
        # the second order takes more time for each claim
        first = heapq.nlargest(_CANDIDATES * count, claims, key=lambda claim: self._lacks(words_of(claim)))
        return heapq.nlargest(
            count,
            first,
            key=lambda claim: self._lacks(words_of(claim)) - self.nearest(words_of(claim).content)[0],
        )

    def _lacks(self, claim: Words) -> float:
        vocabulary = self.vocabulary
        shares = (
            coverage(claim.content, vocabulary.content),
            numbers_share(claim, vocabulary.numbers),
            coverage(claim.bigrams, vocabulary.bigrams) / 2,
        )
        return -sum(shares)

    def evidence(self, claim: Words, *, max_characters: int) -> list[Said]:
        """Return, in order, the sentences that together say the most of the claim; all sentences, if they fit.

        Sentences are chosen one by one: the one that adds the most to those chosen before, where a neighbour of a
        chosen sentence has a small bonus. The first is chosen whatever its length.
        """
        if sum(len(each.text) for each in self.said) <= max_characters:
            return list(self.said)
        weights = self._weights(claim)
        shared = [weights.keys() & parts for parts in self._parts]
        worth = [_REPEATED * _sum(weights, parts) for parts in shared]
        chosen: list[int] = []
        unsaid, left = set(weights), max_characters
        candidates = set(range(len(self.said)))
        while candidates:
            best = max(
                candidates, key=lambda index: (worth[index] + _sum(weights, shared[index] & unsaid), -index)
            )
            chosen.append(best)
            unsaid -= shared[best]
            left -= len(self.said[best].text)
            for beside in {best - 1, best + 1} & candidates:
                worth[beside] += _BESIDE * _sum(weights, shared[best])
            candidates = {index for index in candidates - {best} if len(self.said[index].text) <= left}
        return [self.said[index] for index in sorted(chosen)]

    @cached_property
    def _stems(self) -> frozenset[tuple[str, ...]]:
        return frozenset(each.words.stems for each in self.said)

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        """Places in `said` of the sentences that have a word."""
        places: dict[str, list[int]] = {}
        for place, each in enumerate(self.said):
            for word in each.words.content:
                places.setdefault(word, []).append(place)
        return places

    @cached_property
    def _parts(self) -> list[frozenset[_Part]]:
        return [each.words.content | each.words.bigrams for each in self.said]

    def _weights(self, claim: Words) -> dict[_Part, float]:
        """Return the weight of each part of the claim: its inverse frequency in the sentences."""
        weights: dict[_Part, float] = {
            word: math.log(1 + len(self.said) / (1 + self._counts[word])) for word in claim.content
        }
        return weights | {(a, b): (weights[a] + weights[b]) / 2 for a, b in claim.bigrams}

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(word for each in self.said for word in each.words.content)


def _sum(weights: dict[_Part, float], parts: set[_Part]) -> float:
    return sum(weights[part] for part in parts)


def _read(document: str) -> list[Said]:
    plain = unmarked(document)
    texts = []
    for start, end in sentence_parts(plain):
        piece = plain[start:end].strip()
        texts.append(tidy(piece[item_mark(piece) :] or piece))
    return [Said(text, words(text)) for text in texts]


_read_once = lru_cache(maxsize=256)(_read)  # documents recur from call to call


def _nearest(found: Sequence[Said], about: str, max_characters: int) -> list[Said]:
    """Return, in order, the sentences that share most words with the text, as many as fit; the first of equals."""
    wanted = frozenset(_WORD.findall(about.lower()))
    shared = [len(wanted.intersection(_WORD.findall(each.text.lower()))) for each in found]
    around = [
        own + _BESIDE * (before + after)
        for before, own, after in zip([0, *shared], shared, [*shared[1:], 0], strict=False)
    ]
    chosen, left = [], max_characters
    for place in sorted(range(len(found)), key=lambda place: -around[place]):
        if len(found[place].text) <= left:
            chosen.append(place)
            left -= len(found[place].text)
    return [found[place] for place in sorted(chosen)]
