"""Text classifiers: any folder with a head in ONNX over the shared encoder's output, no code of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from otel_llm.errors import ModelError
from otel_llm.evaluate.encoder import Encoding, Window
from otel_llm.evaluate.manifest import EvaluatorManifest
from otel_llm.evaluate.result import Result, Target
from otel_llm.evaluate.runtime import session
from otel_llm.receive.call import Call

_INPUTS: Final = ("token_states", "pooled")


class TextClassifier:
    """Scores each target's text in the encoder's windows; the worst window counts.

    The head `model.onnx` has one input, `token_states` (tokens, dimension) or `pooled` (dimension,), and one
    output with a single element: the probability of what the manifest's `scores` says.
    """

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self.manifest = manifest
        self._head = session(manifest.path("model.onnx"))
        names = [value.name for value in self._head.get_inputs()]
        if len(names) != 1 or names[0] not in _INPUTS:
            raise ModelError(
                f"{manifest.path('model.onnx')}: must have one input, {' or '.join(_INPUTS)}, got {names}"
            )
        self._input = names[0]

    def texts(self, call: Call) -> Iterable[str]:
        """Return the texts of the targets, as far as there are any."""
        return [text for target in self.manifest.targets if (text := target_text(call, target))]

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return a result for each target: `fail` at and above the threshold, `not_applicable` without a text."""
        return [self._evaluate(call, target, encodings) for target in self.manifest.targets]

    def _evaluate(self, call: Call, target: Target, encodings: Mapping[str, Encoding]) -> Result:
        name, version = self.manifest.name, self.manifest.version
        text = target_text(call, target)
        if not text:
            return Result(call=call, evaluator=name, version=version, target=target, label="not_applicable")
        windows = encodings[text].windows
        score, worst = max(((self._score(window), window) for window in windows), key=lambda pair: pair[0])
        failed = score >= self.manifest.threshold
        return Result(
            call=call,
            evaluator=name,
            version=version,
            target=target,
            label="fail" if failed else "pass",
            score=score,
            explanation=f"{self.manifest.scores}: characters {worst.span.start}-{worst.span.end}"
            if failed
            else None,
        )

    def _score(self, window: Window) -> float:
        value = window.states if self._input == "token_states" else window.pooled
        return float(self._head.run(None, {self._input: value})[0].item())


def target_text(call: Call, target: Target) -> str:
    """Return the call's text on that side; empty where it has none but white space."""
    text = call.input_text if target == "input" else call.output_text
    return text if text.strip() else ""
