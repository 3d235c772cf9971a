"""Self-consistency: do several answers to one request say the same? Scored sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import fmean
from typing import Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from otel_llm.evaluate.api import (
    Call,
    Encoding,
    EvaluatorManifest,
    FloatArray,
    Read,
    Result,
    Span,
    Words,
    coverage,
    in_order,
    probability,
    score_result,
    sentences,
    shortened,
    words,
)

FEATURES: Final = (
    "similarity", "covered", "covered_nearest", "covers_nearest", "bigrams_covered", "other_words",
    "number_missing", "another_number", "name_missing", "another_name", "negated_unlike", "negated_alike_words",
)  # fmt: skip
"""Features of a sentence beside the sentences of another choice; all but `similarity` are in [0, 1]."""

_WORD: Final = re.compile(r"\w")
_BARE_WORDS: Final = 3
_QUOTED_PAIRS: Final = 3


class Options(BaseModel):
    """`[options]` of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_choices: Annotated[int, Field(ge=2)]
    """Choices that are compared, the first ones."""
    max_characters: Annotated[int, Field(gt=0)]
    """Characters read of a choice."""
    max_sentences: Annotated[int, Field(gt=0)]
    """Sentences read of a choice."""
    bias: float
    """Bias of the logistic model of how well another choice supports a sentence."""
    weights: dict[str, float]
    """Weights of the logistic model, by the names of `FEATURES`."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a choice."""

    text: str
    words: Words
    meaning: FloatArray
    """(dimension,): embedding of the sentence, of length 1."""


@dataclass(frozen=True)
class Choice:
    """One of the answers, as sentences."""

    number: int
    """Number of the choice, from 1."""
    sentences: tuple[Sentence, ...]

    @cached_property
    def content(self) -> frozenset[str]:
        """Content words of all sentences."""
        return frozenset().union(*(sentence.words.content for sentence in self.sentences))

    @cached_property
    def bigrams(self) -> frozenset[tuple[str, str]]:
        """Pairs of neighbouring content words of all sentences."""
        return frozenset().union(*(sentence.words.bigrams for sentence in self.sentences))

    @cached_property
    def number_forms(self) -> frozenset[str]:
        """Numbers of all sentences, in all their forms."""
        return frozenset().union(*(sentence.words.number_forms for sentence in self.sentences))

    @property
    def is_bare(self) -> bool:
        """True if the choice is an answer without a whole sentence, such as "Yes." or "Claude Monet"."""
        return len(self.sentences) == 1 and len(self.sentences[0].words.stems) <= _BARE_WORDS

    @cached_property
    def said(self) -> frozenset[tuple[str, ...]]:
        """Stems of each sentence."""
        return frozenset(sentence.words.stems for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class Support:
    """The support of one choice for a sentence of another."""

    score: float
    said: str
    by: int
    """Number of the choice that has the sentence."""
    nearest: str
    """Sentence of the other choice that is nearest."""
    other: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two choices: the mean of each one's support for the other's worst sentence.

    A sentence that only one choice says counts half: it contradicts nothing, but the other choice does not say it.
    """

    score: float
    worst: Support


class SelfConsistency:
    """Scores how likely two choices, drawn at random, say the same.

    Source: sampled answers that contradict each other are a sign of hallucination, and sentences are what to
    compare: SelfCheckGPT, Manakul et al. 2023, https://arxiv.org/abs/2303.08896. That work compares by a large
    model or NLI; here it is a logistic model over words, numbers, names, negation and one embedding a sentence.
    """

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self.manifest = manifest
        self._options = options = manifest.read_options(Options)
        self._weights = in_order(manifest, options.weights, FEATURES)

    def texts(self, call: Call) -> Iterable[str]:
        """Return each choice's sentences; none for a single choice."""
        return [sentence for _, said in self._read(call) for sentence in said]

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return the choices' agreement: `fail` below the threshold, `not_applicable` for a single choice."""
        choices = [
            Choice(number, tuple(Sentence(text, words(text), encodings[text].pooled) for text in said))
            for number, said in self._read(call)
        ]
        agreements = [self._agreement(one, other) for one, other in combinations(choices, 2)]
        score = fmean(agreement.score for agreement in agreements) if agreements else None
        read = self._part_read(call) if agreements else None
        return [
            score_result(self.manifest, call, "output", score, lambda: self._explanation(agreements), read=read)
        ]

    def _read(self, call: Call) -> list[tuple[int, list[str]]]:
        """Return number and sentences of each choice that has a sentence; nothing for a single choice."""
        read = []
        for number, choice in enumerate(call.choices[: self._options.max_choices], 1):
            if said := [choice[start:end] for start, end in self._spans(choice)]:
                read.append((number, said))
        return read if len(read) > 1 else []

    def _part_read(self, call: Call) -> Read:
        """Return how many characters of all choices were read, up to the end of their last sentence."""
        part = whole = 0
        for number, choice in enumerate(call.choices):
            spans = self._spans(choice) if number < self._options.max_choices else []
            end = spans[-1].end if spans else 0
            part += end
            whole += len(choice) if _WORD.search(choice, end) else end
        return Read(part=part, whole=whole, unit="characters of the choices")

    def _spans(self, choice: str) -> list[Span]:
        limits = self._options
        return sentences(choice[: limits.max_characters])[: limits.max_sentences]

    def _agreement(self, one: Choice, other: Choice) -> Agreement:
        sides = sorted((self._worst(one, other), self._worst(other, one)), key=lambda support: support.score)
        return Agreement(fmean(support.score for support in sides), sides[0])

    def _worst(self, choice: Choice, other: Choice) -> Support:
        supports = (self._support(sentence, choice, other) for sentence in choice.sentences)
        return min(supports, key=lambda support: support.score)

    def _support(self, sentence: Sentence, choice: Choice, other: Choice) -> Support:
        nearest = nearest_to(sentence, other)
        if sentence.words.stems in other.said:
            score = 1.0
        elif choice.is_bare and other.is_bare and _share_nothing(sentence.words, nearest.words):
            score = 0.0  # neither has anything that the other could have left out
        else:
            score = self._probability(compare(sentence, nearest, other))
        return Support(score, sentence.text, choice.number, nearest.text, other.number)

    def _probability(self, features: FloatArray) -> float:
        return probability(float(features @ self._weights) + self._options.bias)

    def _explanation(self, agreements: Sequence[Agreement]) -> str:
        apart = sorted(
            (each for each in agreements if self.manifest.is_fail(each.score)), key=lambda each: each.score
        )
        worst = [each.worst for each in apart[:_QUOTED_PAIRS]]
        quotes = [
            f"choice {each.by} “{shortened(each.said)}”, choice {each.other} “{shortened(each.nearest)}”"
            for each in worst
        ]
        return f"{len(apart)} of {len(agreements)} pairs of choices disagree: {'; '.join(quotes)}"


def nearest_to(sentence: Sentence, other: Choice) -> Sentence:
    """Return the sentence of the other choice that is nearest by shared words and by meaning."""
    return max(
        other.sentences,
        key=lambda each: (
            coverage(sentence.words.content, each.words.content) + float(sentence.meaning @ each.meaning)
        ),
    )


def compare(sentence: Sentence, nearest: Sentence, other: Choice) -> FloatArray:
    """Return `FEATURES` of a sentence, compared with the nearest of another choice and with all of it."""
    said, near = sentence.words, nearest.words
    covered_nearest = coverage(said.content, near.content)
    numbers = _missing_numbers(said, other.number_forms)
    unlike = said.negated != near.negated
    return np.array(
        [
            float(sentence.meaning @ nearest.meaning),
            coverage(said.content, other.content),
            covered_nearest,
            coverage(near.content, said.content),
            coverage(said.bigrams, other.bigrams),
            # another word, number or negation means more, the more alike the sentences are
            covered_nearest * bool(said.content - near.content) * bool(near.content - said.content),
            numbers,
            numbers * bool(_missing_numbers(near, said.number_forms)) * covered_nearest,
            1 - coverage(said.names, other.content),
            _differ_in_names(said, near) and _differ_in_names(near, said),
            unlike,
            unlike * covered_nearest,
        ],
        dtype=np.float32,
    )


def _differ_in_names(said: Words, near: Words) -> bool:
    """Return whether only names distinguish the sentences; the first word, always a capital, may be a name."""
    beyond = said.content - near.content
    return bool(beyond & said.names) and beyond <= {*said.names, said.stems[0]}


def _share_nothing(said: Words, near: Words) -> bool:
    return not said.content & near.content and not (said.negated and near.negated)


def _missing_numbers(said: Words, forms: frozenset[str]) -> float:
    if not said.numbers:
        return 0.0
    return sum(not number & forms for number in said.numbers) / len(said.numbers)
