"""Pair classifiers: a cross-encoder over (context, claim) says how well an answer is supported; no own code.

Source: the best context window decides on a sentence and the worst sentence on the answer, as in SummaC
(Laban et al. 2022, https://arxiv.org/abs/2111.09525).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from otel_llm.evaluate.definition.encoding import Encoding
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.definition.scoring import score_result, target_text
from otel_llm.evaluate.definition.span import Piece, Span
from otel_llm.evaluate.engine.sentences import sentences
from otel_llm.evaluate.engine.windows import CHARACTERS_PER_TOKEN
from otel_llm.evaluate.kinds.evidence import Evidence, unsupported
from otel_llm.evaluate.kinds.whole_model import WholeModel
from otel_llm.genai.call import Call

_CLAIM_SHARE: Final = 4
"""A sentence has at most this part of a window's tokens; a longer one is cut."""


class PairClassifier:
    """Scores each sentence of the answer against the context windows nearest to it."""

    def __init__(self, manifest: EvaluatorManifest, model: WholeModel | None = None) -> None:
        """Load the folder's model; `model` runs in its place, as its original does while it is exported."""
        self.manifest = manifest
        self._model = model or WholeModel(manifest, rank=2)
        room = self._model.room(texts=2)
        self._claim_tokens = room // _CLAIM_SHARE
        self._context_tokens = room - self._claim_tokens

    def texts(self, _: Call) -> Iterable[str]:
        """Return no text: the tokens are its own."""
        return []

    def evaluate(self, call: Call, _: Mapping[str, Encoding]) -> list[Result]:
        """Return the least support of any sentence; `not_applicable` without an answer or a context."""
        answer = target_text(call, "output")
        scores = self._scores(
            answer, Evidence(self._model, call.documents if answer else (), max_tokens=self._context_tokens)
        )
        return [
            score_result(
                self.manifest,
                call,
                "output",
                min(scores.values(), default=None),
                lambda: self._explanation(answer, scores),
            )
        ]

    def _explanation(self, answer: str, scores: Mapping[Span, float]) -> str:
        failing = {span: score for span, score in scores.items() if self.manifest.is_fail(score)}
        return unsupported(answer, failing, f"{len(failing)} of {len(scores)} sentences")

    def _scores(self, answer: str, evidence: Evidence) -> dict[Span, float]:
        if not evidence:
            return {}
        return {
            claim.span: max(self._support(context, claim.text) for context in evidence.nearest(claim.text))
            for claim in self._claims(answer)
        }

    def _claims(self, answer: str) -> Iterator[Piece]:
        """Yield the answer's sentences, as many as `max_windows` says."""
        left = self.manifest.max_windows
        for start, end in sentences(answer[: left * self._claim_tokens * CHARACTERS_PER_TOKEN]):
            for piece in self._model.pieces(answer[start:end], max_tokens=self._claim_tokens)[:left]:
                left -= 1
                yield Piece(Span(start + piece.span.start, start + piece.span.end), piece.text)
            if not left:
                return

    def _support(self, context: str, claim: str) -> float:
        pair = (context, claim) if self.manifest.order == "context_first" else (claim, context)
        return float(self._model.classify(*pair)[self._model.labels.index])
