"""The common part of the classifiers that compare an answer with its context."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

from otel_llm.evaluate.definition.encoding import Encoding
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.definition.scoring import score_result, target_text
from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.windows import read_of
from otel_llm.evaluate.kinds.evidence import Evidence
from otel_llm.evaluate.kinds.whole_model import WholeModel
from otel_llm.genai.call import Call


class AnswerClassifier(ABC):
    """Scores the parts of an answer against its context; the worst part decides."""

    RANK: ClassVar[int]
    """Rank of the model's output; see `WholeModel`."""
    ANSWER_SHARE: ClassVar[int]
    """Divisor of a window's tokens: a part of the answer has the quotient, the context has the rest."""

    def __init__(self, manifest: EvaluatorManifest, model: WholeModel | None = None) -> None:
        """Load the folder's model; `model` runs in its place, as its original does while it is exported."""
        self.manifest = manifest
        self._model = model or WholeModel(manifest, rank=self.RANK)
        room = self._model.room(texts=2)
        self._answer_tokens = room // self.ANSWER_SHARE
        self._context_tokens = room - self._answer_tokens

    def texts(self, _: Call) -> Iterable[str]:
        """Return no text: the model has its own tokenizer."""
        return []

    def evaluate(self, call: Call, _: Mapping[str, Encoding]) -> list[Result]:
        """Return the support of the worst part; `not_applicable` without an answer or a context."""
        answer = target_text(call, "output")
        evidence = Evidence(self._model, call.documents if answer else (), max_tokens=self._context_tokens)
        supports = self._supports(answer, evidence) if evidence else {}
        worst = min(supports.values(), default=None)
        explain = partial(self._explanation, answer, supports)
        return [score_result(self.manifest, call, "output", worst, explain, read=read_of(answer, supports))]

    @abstractmethod
    def _supports(self, answer: str, evidence: Evidence) -> dict[Span, float]:
        """Return how well the context supports each part of the answer, in [0, 1]."""

    @abstractmethod
    def _explanation(self, answer: str, supports: Mapping[Span, float]) -> str:
        """Return what the context does not support."""
