"""Results of an original on whole calls: the service's evaluator, with the original's network in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from tokenizers import Encoding

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.encoding import FloatArray
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Label, Result, Target
from otel_llm.evaluate.kinds.loading import load_evaluator
from otel_llm.evaluate.kinds.pair_classifier import PairClassifier
from otel_llm.evaluate.kinds.text_classifier import WholeClassifier
from otel_llm.evaluate.kinds.token_classifier import TokenClassifier
from otel_llm.evaluate.kinds.whole_model import WholeModel
from otel_llm.genai.call import Call
from otel_llm.models.original import Original

_KINDS: Final[Mapping[str, Callable[[EvaluatorManifest, WholeModel], Evaluator]]] = {
    "text_classifier": WholeClassifier,
    "pair_classifier": PairClassifier,
    "token_classifier": TokenClassifier,
}


class _OriginalModel(WholeModel):
    """The folder's tokenizer, windows and labels over the original's network."""

    def __init__(self, manifest: EvaluatorManifest, original: Original) -> None:
        super().__init__(manifest, rank=3 if manifest.kind == "token_classifier" else 2)
        self._original = original

    def probabilities(self, tokens: Encoding) -> FloatArray:
        """Return the labels' probabilities, as the network gives them in torch."""
        values = self._values(tokens)
        with torch.inference_mode():
            output = self._original.network(*(torch.from_numpy(values[name]) for name in self._original.inputs))
        return self.labels.probabilities(output[0].numpy())


@dataclass(frozen=True, kw_only=True)
class OriginalResult:
    """The original's labels of one call, and how far its export's scores are from the original's."""

    call: Call
    labels: Mapping[Target, Label]
    """Labels by target, from the original's scores."""
    difference: float
    """Greatest difference between a score of the original and the same score of the export."""
    margin: float
    """Least distance of the original's scores from the threshold."""


def original_results(
    original: Original, manifest: EvaluatorManifest, calls: Sequence[Call]
) -> list[OriginalResult]:
    """Return the original's result on each call, without calls that have no score.

    Raises:
        ModelError: the folder cannot be loaded.
    """
    export = load_evaluator(manifest)
    twin: Evaluator = _KINDS[manifest.kind](manifest, _OriginalModel(manifest, original))
    found = [_compared(manifest, call, twin.evaluate(call, {}), export.evaluate(call, {})) for call in calls]
    return [each for each in found if each]


def _compared(
    manifest: EvaluatorManifest, call: Call, theirs: Sequence[Result], ours: Sequence[Result]
) -> OriginalResult | None:
    scores = [(a.score, b.score) for a, b in zip(theirs, ours, strict=True)]
    known = [(a, b) for a, b in scores if a is not None and b is not None]
    if len(known) != sum(a is not None or b is not None for a, b in scores):
        raise ModelError(f"{manifest.folder}: must apply to the calls that its original applies to, got {scores}")
    if not known:
        return None
    return OriginalResult(
        call=call,
        labels={result.target: result.label for result in theirs},
        difference=max(abs(a - b) for a, b in known),
        margin=min(abs(a - manifest.threshold) for a, _ in known),
    )


def cases(found: Sequence[OriginalResult], tolerance: float) -> list[dict[str, Any]]:
    """Return lines for `cases.jsonl`: calls whose label cannot change by a difference within the tolerance."""
    return [
        {
            "input": each.call.input_text,
            "output": each.call.output_text,
            "documents": list(each.call.documents),
            "labels": dict(each.labels),
        }
        for each in found
        if each.margin > tolerance
    ]
