"""Token classifiers: which tokens of an answer its context does not support; no code of its own.

Source: LettuceDetect (Kovács and Recski 2025, https://arxiv.org/abs/2502.17125): the model reads the context and
the answer together, and says of each of the answer's tokens whether it is hallucinated.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from otel_llm.evaluate.definition.encoding import Encoding
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.definition.scoring import score_result, target_text
from otel_llm.evaluate.definition.span import Piece, Span
from otel_llm.evaluate.engine.sentences import sentences
from otel_llm.evaluate.kinds.evidence import Evidence, unsupported
from otel_llm.evaluate.kinds.whole_model import WholeModel
from otel_llm.genai.call import Call


class TokenClassifier:
    """Scores each token of the answer against the context windows nearest to its part of the answer."""

    def __init__(self, manifest: EvaluatorManifest, model: WholeModel | None = None) -> None:
        """Load the folder's model; `model` runs in its place, as its original does while it is exported."""
        self.manifest = manifest
        self._model = model or WholeModel(manifest, rank=3)
        room = self._model.room(texts=2)
        self._answer_tokens = room // 2
        self._context_tokens = room - self._answer_tokens

    def texts(self, _: Call) -> Iterable[str]:
        """Return no text: the tokens are its own."""
        return []

    def evaluate(self, call: Call, _: Mapping[str, Encoding]) -> list[Result]:
        """Return 1 minus the worst token's probability; `not_applicable` without an answer or a context."""
        answer = target_text(call, "output")
        tokens = self._tokens(
            answer, Evidence(self._model, call.documents if answer else (), max_tokens=self._context_tokens)
        )
        return [
            score_result(
                self.manifest,
                call,
                "output",
                min(tokens.values(), default=None),
                lambda: self._explanation(answer, tokens),
            )
        ]

    def _tokens(self, answer: str, evidence: Evidence) -> dict[Span, float]:
        """Return how well each token of the answer is supported, in order."""
        if not evidence:
            return {}
        supports: dict[Span, float] = {}
        for piece in self._model.pieces(answer, max_tokens=self._answer_tokens):
            for context in evidence.nearest(piece.text):
                for span, support in self._supports(context, piece).items():
                    supports[span] = max(support, supports.get(span, 0.0))
        return _smoothed(supports, [span.start for span in sentences(answer)])

    def _supports(self, context: str, piece: Piece) -> dict[Span, float]:
        tokens = self._model.encode(context, piece.text)
        hallucinated = self._model.probabilities(tokens)[:, self._model.labels.index]
        supports: dict[Span, float] = {}
        for sequence, (start, end), probability in zip(
            tokens.sequence_ids, tokens.offsets, hallucinated.tolist(), strict=True
        ):
            if sequence == 1 and end > start:
                # several tokens may lie in one character; the worst of them counts
                span = Span(piece.span.start + start, piece.span.start + end)
                supports[span] = min(1 - probability, supports.get(span, 1.0))
        return supports

    def _explanation(self, answer: str, tokens: Mapping[Span, float]) -> str:
        failing: dict[Span, float] = {}
        open_span: Span | None = None
        for span, score in tokens.items():
            if not self.manifest.is_fail(score):
                open_span = None
                continue
            if open_span is None:
                open_span, worst = span, score
            else:
                worst = min(score, failing.pop(open_span))
                open_span = Span(open_span.start, span.end)
            failing[open_span] = worst
        count = sum(map(self.manifest.is_fail, tokens.values()))
        return unsupported(answer, failing, f"{count} of {len(tokens)} tokens")


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
