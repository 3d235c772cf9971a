"""Signals of words, of a claim and its context: coverage, numbers, names, negation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from otel_llm.evaluate.api import FloatArray, Words, coverage, words

_UNITS: Final = words(
    "dollars euros pounds yen rupees percent seconds minutes hours days weeks months years nights metres meters"
    " feet miles"
    " kilometres centimetres millimetres kilograms grams litres liters millilitres degrees megabytes gigabytes"
    " terabytes"
    " kilobytes watts volts people persons times"
).content
SIGNALS: Final[Mapping[str, str]] = {
    "content_in_context": "content covered by the context",
    "content_in_best": "content covered by the best sentence",
    "bigrams_in_context": "bigrams covered by the context",
    "bigrams_in_best": "bigrams covered by the best sentence",
    "content_missing": "content missing, in words",
    "numbers_in_context": "numbers covered by the context",
    "numbers_in_best": "numbers covered by the best sentence",
    "has_numbers": "has numbers",
    "names_in_context": "names covered by the context",
    "names_in_best": "names covered by the best sentence",
    "has_names": "has names",
    "negated_unlike_best": "negated unlike the best sentence",
    "negated": "negated",
    "length": "length",
    "context_length": "length of the context",
    "opens_politely": "opens politely",
    "asks": "asks",
    "content_in_documents": "content covered by the documents",
    "bigrams_in_documents": "bigrams covered by the documents",
    "numbers_in_documents": "numbers covered by the documents",
    "names_in_documents": "names covered by the documents",
    "longest_run": "longest run of words found in the context",
    "another_word": "another word in place of one of the best sentence",
    "word_of_elsewhere": "a word of another sentence in place of one of the best sentence",
    "another_number": "another number in place of one of the best sentence",
    "another_unit": "another unit of a number",
    "negated_unlike_alike": "negated unlike the best sentence, by the share of it that is alike",
    "begins_otherwise": "without the first word of the best sentence, by the share of it that is alike",
}
"""Meaning of each signal, by its id, the key of its weight in evaluator.toml."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of all documents."""

    content: frozenset[str]
    bigrams: frozenset[tuple[str, str]]
    numbers: frozenset[str]

    @classmethod
    def of(cls, said: Iterable[Words]) -> Vocabulary:
        """Return the vocabulary of the sentences."""
        read = list(said)
        return cls(
            content=frozenset().union(*(sentence.content for sentence in read)),
            bigrams=frozenset().union(*(sentence.bigrams for sentence in read)),
            numbers=frozenset().union(*(sentence.number_forms for sentence in read)),
        )


def signals(claim: Words, context: Sequence[Words], documents: Vocabulary) -> FloatArray:
    """Return one number in [0, 1] for each of `SIGNALS`; the context has at least one sentence."""
    best = max(context, key=lambda sentence: coverage(claim.content, sentence.content))
    content = frozenset().union(*(sentence.content for sentence in context))
    bigrams = frozenset().union(*(sentence.bigrams for sentence in context))
    numbers = frozenset().union(*(sentence.number_forms for sentence in context))
    values = {
        "content_in_context": coverage(claim.content, content),
        "content_in_best": coverage(claim.content, best.content),
        "bigrams_in_context": coverage(claim.bigrams, bigrams),
        "bigrams_in_best": max(coverage(claim.bigrams, sentence.bigrams) for sentence in context),
        "content_missing": min(len(claim.content - content), 8) / 8,
        "numbers_in_context": numbers_share(claim, numbers),
        "numbers_in_best": numbers_share(claim, best.number_forms),
        "has_numbers": bool(claim.numbers),
        "names_in_context": coverage(claim.names, content),
        "names_in_best": coverage(claim.names, best.content),
        "has_names": bool(claim.names),
        "negated_unlike_best": claim.negated != best.negated,
        "negated": claim.negated,
        "length": min(len(claim.stems), 40) / 40,
        "context_length": min(sum(len(sentence.stems) for sentence in context), 300) / 300,
        "opens_politely": claim.opens_politely,
        "asks": claim.asks,
        "content_in_documents": coverage(claim.content, documents.content),
        "bigrams_in_documents": coverage(claim.bigrams, documents.bigrams),
        "numbers_in_documents": numbers_share(claim, documents.numbers),
        "names_in_documents": coverage(claim.names, documents.content),
        "longest_run": max(_longest_run(claim.stems, sentence.stems) for sentence in context)
        / max(len(claim.stems), 1),
        **_swaps(claim, best, documents),
        "another_unit": _has_another_unit(claim, context),
    }
    return np.array([values[name] for name in SIGNALS], dtype=np.float32)


def _swaps(claim: Words, best: Words, documents: Vocabulary) -> Mapping[str, float]:
    """Return the signals of words in place of others; each means more, the more of the rest is alike."""
    alike = coverage(claim.content, best.content) ** 3  # of sentences that are much alike a swap means much more
    added, left_out = claim.content - best.content, best.content - claim.content
    first = next((stem for stem in best.stems if stem in best.content), None)
    missing = [number for number in claim.numbers if not number & best.number_forms]
    others = best.number_forms - claim.number_forms
    return {
        "another_word": alike * bool(added and left_out),
        "word_of_elsewhere": alike * bool(added & documents.content and left_out),
        "another_number": alike * bool(missing and others),
        "negated_unlike_alike": alike * (claim.negated != best.negated),
        "begins_otherwise": alike * bool(first in left_out and added),
    }


def _has_another_unit(claim: Words, context: Sequence[Words]) -> bool:
    """Return whether a number of the claim has a unit in the context, but never the claim's."""
    said = {pair for sentence in context for pair in sentence.bigrams if pair[1] in _UNITS}
    numbers = {number for number, _ in said}
    return any(
        pair not in said and pair[0] in numbers
        for pair in claim.bigrams
        if pair[1] in _UNITS and pair[0][0].isdigit()
    )


def _longest_run(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """Return the length of the longest run of words that both have."""
    longest, row = 0, [0] * (len(theirs) + 1)
    for word in mine:
        before = 0
        for index, other in enumerate(theirs, 1):
            before, row[index] = row[index], before + 1 if word == other else 0
            longest = max(longest, row[index])
    return longest


def numbers_share(claim: Words, forms: frozenset[str]) -> float:
    """Return the share of the claim's numbers that are among the forms; 1 for a claim without numbers."""
    if not claim.numbers:
        return 1.0
    return sum(bool(number & forms) for number in claim.numbers) / len(claim.numbers)
