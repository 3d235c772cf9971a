"""Token classifiers: the tokens of an answer that its context does not support.

Source: LettuceDetect (Kovács and Recski 2025, https://arxiv.org/abs/2502.17125): the model reads the context and
the answer together, and says of each of the answer's tokens whether it is hallucinated.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import groupby

from otel_llm.evaluate.definition.span import Piece, Span
from otel_llm.evaluate.engine.sentences import sentences
from otel_llm.evaluate.kinds.answer_classifier import AnswerClassifier
from otel_llm.evaluate.kinds.evidence import Evidence, unsupported


class TokenClassifier(AnswerClassifier):
    """Scores each token of the answer against the context windows nearest to the token's part of the answer."""

    RANK = 3
    ANSWER_SHARE = 2

    def _supports(self, answer: str, evidence: Evidence) -> dict[Span, float]:
        supports: dict[Span, float] = {}
        for piece in self._model.pieces(answer, max_tokens=self._answer_tokens):
            for context in evidence.nearest(piece.text):
                for span, support in self._supports_of_piece(context, piece).items():
                    supports[span] = max(support, supports.get(span, 0.0))
        return _smoothed(supports, [span.start for span in sentences(answer)])

    def _supports_of_piece(self, context: str, piece: Piece) -> dict[Span, float]:
        tokens = self._model.encode(context, piece.text)
        hallucinated = self._model.probabilities(tokens)[:, self._model.labels.index]
        supports: dict[Span, float] = {}
        for sequence, (start, end), probability in zip(
            tokens.sequence_ids, tokens.offsets, hallucinated.tolist(), strict=True
        ):
            if sequence == 1 and end > start:
                # one character may have several tokens; the worst token counts
                span = Span(piece.span.start + start, piece.span.start + end)
                supports[span] = min(1 - probability, supports.get(span, 1.0))
        return supports

    def _explanation(self, answer: str, supports: Mapping[Span, float]) -> str:
        failing: dict[Span, float] = {}
        open_span: Span | None = None
        for span, score in supports.items():
            if not self.manifest.is_fail(score):
                open_span = None
                continue
            if open_span is None:
                open_span, worst = span, score
            else:
                worst = min(score, failing.pop(open_span))
                open_span = Span(open_span.start, span.end)
            failing[open_span] = worst
        count = sum(map(self.manifest.is_fail, supports.values()))
        return unsupported(answer, failing, f"{count} of {len(supports)} tokens")


def _smoothed(supports: Mapping[Span, float], starts: Sequence[int]) -> dict[Span, float]:
    """Return each token's support, weighed with its neighbours' in the same sentence: 1, 2 and 1 of 4.

    The model is often wrong about one token alone; a swapped number or name has a few tokens.
    """
    smooth: dict[Span, float] = {}
    for _, group in groupby(supports, key=lambda span: bisect_right(starts, span.start)):
        spans = list(group)
        values = [supports[span] for span in spans]
        befores, afters = [values[0], *values[:-1]], [*values[1:], values[-1]]
        for span, before, value, after in zip(spans, befores, values, afters, strict=True):
            smooth[span] = (before + 2 * value + after) / 4
    return smooth
