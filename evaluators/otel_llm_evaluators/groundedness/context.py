"""The context of a claim: the few sentences of the documents that together say the most of the claim."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from otel_llm.evaluate.api import Words, bounded, sentences, words
from otel_llm_evaluators.groundedness.signals import Vocabulary

_CUT: Final = 400  # characters: a longer sentence is cut
_REPEATED: Final = 0.2  # weight of a word that a chosen sentence has already; a new word has 1
_BESIDE: Final = 0.15  # share of a chosen sentence's weight that its neighbours get

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

    @classmethod
    def read(cls, documents: Sequence[str], *, max_characters: int) -> Context:
        """Return the documents' sentences; only the first `max_characters` are read."""
        found = (text for document in bounded(documents, max_characters) for text in _sentences(document))
        return cls(tuple(Said(text, words(text)) for text in found))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All words of the documents."""
        return Vocabulary.of(each.words for each in self.said)

    def says(self, claim: Words) -> bool:
        """Return whether a sentence of the documents has exactly the claim's words."""
        return any(claim.stems == each.words.stems for each in self.said)

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


def _sentences(document: str) -> Iterator[str]:
    for start, end in sentences(document):
        for cut in range(start, end, _CUT):
            yield document[cut : min(end, cut + _CUT)].strip()
