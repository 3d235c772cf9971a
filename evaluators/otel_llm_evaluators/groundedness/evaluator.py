"""Groundedness: does an answer say only what its context supports? Scored sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from otel_llm.evaluate.api import (
    CHARACTERS_PER_TOKEN,
    Call,
    Encoding,
    EvaluatorManifest,
    FloatArray,
    ModelError,
    Read,
    Result,
    Span,
    Words,
    in_one_form,
    in_order,
    overlap,
    probability,
    probe,
    read_tokenizer,
    remembering,
    score_result,
    sentences,
    session,
    shortened,
    target_text,
    words,
)
from otel_llm_evaluators.groundedness.claims import Claim, claims
from otel_llm_evaluators.groundedness.context import Context
from otel_llm_evaluators.groundedness.signals import SIGNALS, signals

_QUOTED: Final = 3
"""Number of unsupported sentences that the explanation quotes."""
_CONTRADICTED: Final = 0.1
"""Score of a statement that the documents lack what they have."""
_ALIKE: Final = 0.6
"""Share of a claim's words that a sentence has, so that it may be read alone."""
_DENIED: Final = -4.0
"""Logit of support below which a claim is surely not supported."""
_NOTHING_CLAIMED: Final = 0.7
"""Score of an answer that claims nothing: it passes, and below what was compared with the documents."""
READ: Final = ("support", "worst_word")
"""The model's outputs: the logits that a sentence is supported, and that its worst word is not."""
NEAREST: Final = ("support_by_nearest", "worst_word_by_nearest")
"""The same logits, of the model that reads only the sentence that has the most of the claim's words."""
EVIDENCE: Final = (*READ, *NEAREST, *SIGNALS)
"""The values that a sentence is scored by, in the order of the weights."""


class Options(BaseModel):
    """`[options]` of the manifest: bounds of the work, and weights of the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_characters: Annotated[int, Field(gt=0)]
    """Characters read of the answer, the first ones, and of all documents, those nearest to the answer."""
    max_sentences: Annotated[int, Field(gt=0)]
    """Claims of the answer that the model reads."""
    evidence_characters: Annotated[int, Field(gt=0)]
    """Characters of the documents that one sentence of the answer is compared with."""
    max_tokens: Annotated[int, Field(ge=32)]
    """Tokens that the model reads at once: a sentence and its evidence together."""
    bias: float
    weights: dict[str, float]
    """Weights of a logistic regression, by the names of `EVIDENCE`."""


@dataclass(frozen=True, slots=True)
class ScoredClaim:
    """A claim of the answer with its score."""

    span: Span
    score: float
    """Probability that the documents support the claim."""
    nearest: str
    """Sentence of the documents that has the most of its words."""


class Groundedness:
    """Scores each sentence of the answer with the sentences of the documents that say the most of it.

    `model.onnx` reads both together and gives two logits: of support, and of the worst word not being supported. A
    logistic regression weighs the logits and the signals of words (`signals.signals`). The worst sentence decides
    on the answer. Source: sentence by sentence against the context as in SummaC (Laban et al. 2022,
    https://arxiv.org/abs/2111.09525).
    """

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self.manifest = manifest
        self._options = options = manifest.read_options(Options)
        self._weights = in_order(manifest, options.weights, EVIDENCE)
        self._tokenizer = read_tokenizer(manifest.path("tokenizer.json"))
        self._tokenizer.enable_truncation(options.max_tokens)  # truncates the longer one of the two texts first
        self._path = manifest.path("model.onnx")
        self._model = session(self._path)
        self._ask = remembering(self._read)
        if (output := self._read("a", "b")).shape != (len(READ),):
            raise ModelError(f"{self._path}: output must be the logits of {READ}, got shape {output.shape}")

    def texts(self, _: Call) -> Iterable[str]:
        """Return no text: the model has its own tokenizer."""
        return []

    def evaluate(self, call: Call, _: Mapping[str, Encoding]) -> list[Result]:
        """Return the probability that all of the answer is supported; `not_applicable` without a context."""
        answer = target_text(call, "output")
        context = Context.read(
            call.documents if answer else (), max_characters=self._options.max_characters, about=answer
        )
        if not (context.said and sentences(answer[: self._options.max_characters])):
            return [score_result(self.manifest, call, "output", None, str)]
        scored, read = self.score(answer, context)
        worst = min((each.score for each in scored), default=_NOTHING_CLAIMED)
        read = context.characters if read.is_whole else read
        return [
            score_result(
                self.manifest, call, "output", worst, lambda: self._explanation(answer, scored), read=read
            )
        ]

    def score(self, answer: str, context: Context) -> tuple[list[ScoredClaim], Read]:
        """Return the claims that were read, with their scores, and how many of how many were read.

        The model reads `max_sentences` of them, those that share the least with the documents.
        """
        beyond = len(sentences(answer[self._options.max_characters :]))
        found = [
            (claim, words(claim.text))
            for claim in claims(answer[: self._options.max_characters])
            if claim.lacks is None or claim.lacks
        ]
        scored, unsure = [], []
        for claim, said in found:
            if claim.lacks:
                scored.append(_absence(claim, context))
            elif context.says(said):
                # a sentence that the context has in these very words is supported, whatever the model says
                scored.append(ScoredClaim(claim.span, 1.0, claim.text))
            else:
                unsure.append((claim, said))
        for claim, said in context.most_doubtful(unsure, lambda each: each[1], self._options.max_sentences):
            evidence, nearest = self.evidence(claim.text, said, context)
            score = probability(self._options.bias + float(self._weights @ evidence))
            scored.append(ScoredClaim(claim.span, score, nearest))
        return scored, Read(part=len(scored), whole=len(found) + beyond, unit="sentences")

    def evidence(self, text: str, claim: Words, context: Context) -> tuple[FloatArray, str]:
        """Return the values of `EVIDENCE`, and the sentence of the documents that has the most of its words."""
        found = context.evidence(claim, max_characters=self._options.evidence_characters)
        read = self._ask(text, " ".join(each.text for each in found))
        said = signals(claim, [each.words for each in found], context.vocabulary)
        nearest = max(found, key=lambda each: overlap(claim.content, each.words.content))
        alone = self._ask(text, nearest.text) if _is_unsure(read, claim, nearest.words) else read
        return np.concatenate([read, alone, said]), nearest.text

    def _read(self, claim: str, evidence: str) -> FloatArray:
        claim, evidence = in_one_form(claim), in_one_form(evidence)
        tokens = self._tokenizer.encode(claim[: self._options.max_tokens * CHARACTERS_PER_TOKEN], evidence)
        inputs = {
            "input_ids": np.array([tokens.ids], dtype=np.int64),
            "token_type_ids": np.array([tokens.type_ids], dtype=np.int64),
        }
        return probe(self._path, self._model, inputs)

    def _explanation(self, answer: str, scored: Sequence[ScoredClaim]) -> str:
        failing = sorted(
            (each for each in scored if self.manifest.is_fail(each.score)),
            key=lambda each: (each.score, each.span),
        )
        quotes = [
            f"“{shortened(answer[each.span.start : each.span.end])}” (nearest: “{shortened(each.nearest)}”)"
            for each in failing[:_QUOTED]
        ]
        return f"not supported by the context ({len(failing)} of {len(scored)} sentences): {' '.join(quotes)}"


def _is_unsure(read: FloatArray, claim: Words, nearest: Words) -> bool:
    """Return whether the nearest sentence, read alone, may say something else than all evidence together.

    Among other sentences the model often overlooks that the nearest one denies the claim, or is of something else.
    """
    alike = overlap(claim.content, nearest.content)
    is_clear = read[0] < _DENIED or (read[0] > 0 and alike == 1 and claim.negated == nearest.negated)
    return bool(alike >= _ALIKE and not is_clear)


def _absence(claim: Claim, context: Context) -> ScoredClaim:
    """Return the score of a statement that the documents lack something: low if one sentence has all of it."""
    share, nearest = context.nearest(claim.lacks or ())
    return ScoredClaim(claim.span, _CONTRADICTED if share == 1 else 1 - share / 2, nearest.text)
