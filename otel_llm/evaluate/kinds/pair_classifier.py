"""Pair classifiers: a cross-encoder over (context, claim) says how well an answer is supported.

Source: the best context window decides on a sentence and the worst sentence on the answer, as in SummaC
(Laban et al. 2022, https://arxiv.org/abs/2111.09525).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otel_llm.evaluate.definition.span import Piece, Span
from otel_llm.evaluate.engine.sentences import sentences
from otel_llm.evaluate.engine.windows import CHARACTERS_PER_TOKEN
from otel_llm.evaluate.kinds.answer_classifier import AnswerClassifier
from otel_llm.evaluate.kinds.evidence import Evidence, unsupported


class PairClassifier(AnswerClassifier):
    """Scores each sentence of the answer against the context windows nearest to the sentence."""

    RANK = 2
    ANSWER_SHARE = 4

    def _explanation(self, answer: str, supports: Mapping[Span, float]) -> str:
        failing = {span: support for span, support in supports.items() if self.manifest.is_fail(support)}
        return unsupported(answer, failing, f"{len(failing)} of {len(supports)} sentences")

    def _supports(self, answer: str, evidence: Evidence) -> dict[Span, float]:
        return {
            claim.span: max(self._support(context, claim.text) for context in evidence.nearest(claim.text))
            for claim in self._claims(answer)
        }

    def _claims(self, answer: str) -> Iterator[Piece]:
        """Yield the answer's sentences, at most `max_windows` of them; a long one is cut."""
        left = self.manifest.max_windows
        for start, end in sentences(answer[: left * self._answer_tokens * CHARACTERS_PER_TOKEN]):
            for piece in self._model.pieces(answer[start:end], max_tokens=self._answer_tokens)[:left]:
                left -= 1
                yield Piece(Span(start + piece.span.start, start + piece.span.end), piece.text)
            if not left:
                return

    def _support(self, context: str, claim: str) -> float:
        pair = (context, claim) if self.manifest.order == "context_first" else (claim, context)
        return float(self._model.classify(*pair)[self._model.labels.index])
