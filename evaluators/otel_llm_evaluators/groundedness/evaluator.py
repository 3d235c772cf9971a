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
    Result,
    Span,
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
from otel_llm_evaluators.groundedness.context import Context
from otel_llm_evaluators.groundedness.signals import SIGNALS, signals

_QUOTED: Final = 3
"""Number of unsupported sentences that the explanation quotes."""
READ: Final = ("support", "worst_word")
"""The model's outputs: the logits that a sentence is supported, and that its worst word is not."""
EVIDENCE: Final = (*READ, *SIGNALS)
"""The values that a sentence is scored by, in the order of the weights."""


class Options(BaseModel):
    """`[options]` of the manifest: bounds of the work, and weights of the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_characters: Annotated[int, Field(gt=0)]
    """Characters read of the answer, and of all documents together; later text is not read."""
    max_sentences: Annotated[int, Field(gt=0)]
    """Sentences of the answer that are scored, the first ones."""
    evidence_characters: Annotated[int, Field(gt=0)]
    """Characters of the documents that one sentence of the answer is compared with."""
    max_tokens: Annotated[int, Field(ge=32)]
    """Tokens that the model reads at once: a sentence and its evidence together."""
    bias: float
    weights: dict[str, float]
    """Weights of a logistic regression, by the names of `EVIDENCE`."""


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """A sentence of the answer with its evidence."""

    span: Span
    evidence: FloatArray
    """Values of `EVIDENCE`, in its order."""
    is_said: bool
    """True if a sentence of the documents has exactly its words."""
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
        scores = {each: self._score(each) for each in self.sentences(answer, call.documents if answer else ())}
        worst = min(scores.values(), default=None)
        return [score_result(self.manifest, call, "output", worst, lambda: self._explanation(answer, scores))]

    def sentences(self, answer: str, documents: Sequence[str]) -> list[Sentence]:
        """Return the answer's sentences with their evidence; none if the documents have no sentence."""
        context = Context.read(documents, max_characters=self._options.max_characters)
        if not context.said:
            return []
        spans = sentences(answer[: self._options.max_characters])[: self._options.max_sentences]
        return [self._sentence(answer, span, context) for span in spans]

    def _sentence(self, answer: str, span: Span, context: Context) -> Sentence:
        text = answer[span.start : span.end]
        claim = words(text)
        found = context.evidence(claim, max_characters=self._options.evidence_characters)
        read = self._ask(text, " ".join(each.text for each in found))
        said = signals(claim, [each.words for each in found], context.vocabulary)
        nearest = max(found, key=lambda each: overlap(claim.content, each.words.content))
        return Sentence(span, np.concatenate([read, said]), context.says(claim), nearest.text)

    def _read(self, claim: str, evidence: str) -> FloatArray:
        tokens = self._tokenizer.encode(claim[: self._options.max_tokens * CHARACTERS_PER_TOKEN], evidence)
        inputs = {
            "input_ids": np.array([tokens.ids], dtype=np.int64),
            "token_type_ids": np.array([tokens.type_ids], dtype=np.int64),
        }
        return probe(self._path, self._model, inputs)

    def _score(self, sentence: Sentence) -> float:
        # a sentence that the context has in these very words is supported, whatever the model says
        if sentence.is_said:
            return 1.0
        return probability(self._options.bias + float(self._weights @ sentence.evidence))

    def _explanation(self, answer: str, scores: Mapping[Sentence, float]) -> str:
        failing = sorted(
            (score, each.span, each.nearest) for each, score in scores.items() if self.manifest.is_fail(score)
        )
        quotes = [
            f"“{shortened(answer[span.start : span.end])}” (nearest: “{shortened(nearest)}”)"
            for _, span, nearest in failing[:_QUOTED]
        ]
        return f"not supported by the context ({len(failing)} of {len(scores)} sentences): {' '.join(quotes)}"
