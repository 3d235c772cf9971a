"""What an original says of whole calls: the service's evaluator with the original's network in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from tokenizers import Encoding

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.evaluator import Evaluator, load_evaluator
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Label, Result, Target
from otel_llm.evaluate.engine.runtime import FloatArray
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
class Verdict:
    """The original's verdict on one call, and how far its export's scores are from it."""

    call: Call
    labels: Mapping[Target, Label]
    """By target, as the original would have it."""
    difference: float
    """The greatest between a score of the original and the same of the export."""
    margin: float
    """How far the original's scores are from the threshold at least."""


def verdicts(original: Original, manifest: EvaluatorManifest, calls: Sequence[Call]) -> list[Verdict]:
    """Return the original's verdict on each call, without those that it has no score for.

    Raises:
        ModelError: the folder cannot be loaded.
    """
    export = load_evaluator(manifest)
    twin: Evaluator = _KINDS[manifest.kind](manifest, _OriginalModel(manifest, original))
    found = [_verdict(manifest, call, twin.evaluate(call, {}), export.evaluate(call, {})) for call in calls]
    return [verdict for verdict in found if verdict]


def _verdict(
    manifest: EvaluatorManifest, call: Call, theirs: Sequence[Result], ours: Sequence[Result]
) -> Verdict | None:
    scores = [(a.score, b.score) for a, b in zip(theirs, ours, strict=True)]
    known = [(a, b) for a, b in scores if a is not None and b is not None]
    if len(known) != sum(a is not None or b is not None for a, b in scores):
        raise ModelError(f"{manifest.folder}: must apply to the calls that its original applies to, got {scores}")
    if not known:
        return None
    return Verdict(
        call=call,
        labels={result.target: result.label for result in theirs},
        difference=max(abs(a - b) for a, b in known),
        margin=min(abs(a - manifest.threshold) for a, _ in known),
    )


def cases(found: Sequence[Verdict], tolerance: float) -> list[dict[str, Any]]:
    """Return lines for `cases.jsonl`: calls whose verdict a difference within the tolerance cannot turn."""
    return [
        {
            "input": verdict.call.input_text,
            "output": verdict.call.output_text,
            "documents": list(verdict.call.documents),
            "labels": dict(verdict.labels),
        }
        for verdict in found
        if verdict.margin > tolerance
    ]
