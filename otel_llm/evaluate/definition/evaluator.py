"""The protocol of evaluators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Result
from otel_llm.genai.call import Call

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding


class Evaluator(Protocol):
    """Scores one call at a time, from texts that the shared encoder has encoded for all evaluators at once.

    Called for one call at a time. After a timeout a new thread calls it, while the late one may still be at work.
    """

    manifest: EvaluatorManifest

    def texts(self, call: Call) -> Iterable[str]:
        """Return the texts whose encodings `evaluate` needs."""

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return one result per target, in the manifest's order."""
