"""Text classifiers: an ONNX model over each text, a head over the encoder or a whole model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.encoding import Encoding, FloatArray, Window
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Result, Target
from otel_llm.evaluate.definition.scoring import score_result, target_text
from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.runtime import probe, session
from otel_llm.evaluate.engine.windows import read_of
from otel_llm.evaluate.kinds.probabilities import Labels
from otel_llm.evaluate.kinds.screen import suspects
from otel_llm.evaluate.kinds.whole_model import WholeModel
from otel_llm.genai.call import Call
from otel_llm.text.lookalikes import latin_lookalikes

_INPUTS: Final = ("token_states", "pooled")


class _TextClassifier(ABC):
    """Scores each target's text in windows, a screened text in segments too; the worst of all counts."""

    labels: Labels

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self.manifest = manifest

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return a result for each target; `not_applicable` without a text."""
        return [self._evaluate(call, target, encodings) for target in self.manifest.targets]

    @abstractmethod
    def _windows(self, text: str, encodings: Mapping[str, Encoding]) -> Iterator[tuple[Span, FloatArray]]:
        """Yield the span of each window and segment, and the probabilities of the labels in it."""

    def _evaluate(self, call: Call, target: Target, encodings: Mapping[str, Encoding]) -> Result:
        text = target_text(call, target)
        if not text:
            return score_result(self.manifest, call, target, None, str)
        windows = list(self._windows(text, encodings))
        own = np.array([probabilities[self.labels.index] for _, probabilities in windows])
        worst = int(own.argmax() if self.manifest.fails == "above" else own.argmin())
        span, probabilities = windows[worst]
        return score_result(
            self.manifest,
            call,
            target,
            float(own[worst]),
            lambda: f"{self.labels.describe(probabilities)}: characters {span.start}-{span.end}",
            read=read_of(text, (span for span, _ in windows)),
        )


class HeadClassifier(_TextClassifier):
    """A head over the shared encoder.

    `model.onnx` has one input, `token_states` (tokens, dimension) or `pooled` (dimension,), and one output, an
    element for each label.
    """

    def __init__(self, manifest: EvaluatorManifest) -> None:
        super().__init__(manifest)
        self._path = manifest.path("model.onnx")
        self._head = session(self._path)
        inputs = self._head.get_inputs()
        names = [value.name for value in inputs]
        if len(names) != 1 or names[0] not in _INPUTS:
            raise ModelError(f"{self._path}: must have one input, {' or '.join(_INPUTS)}, got {names}")
        self._input = names[0]
        dimension = inputs[0].shape[-1]
        if not isinstance(dimension, int):
            raise ModelError(
                f"{self._path}: the last dimension of {self._input} must be a number, got {dimension!r}"
            )
        zeros = np.zeros((2, dimension) if self._input == "token_states" else (dimension,), dtype=np.float32)
        self.labels = Labels(manifest, probe(self._path, self._head, {self._input: zeros}).size)

    def texts(self, call: Call) -> Iterable[str]:
        """Return the texts of the targets that have one."""
        return [text for target in self.manifest.targets if (text := target_text(call, target))]

    def _windows(self, text: str, encodings: Mapping[str, Encoding]) -> Iterator[tuple[Span, FloatArray]]:
        for window in encodings[text].windows:
            yield window.span, self.labels.probabilities(self._run(self._value(window)))

    def _value(self, window: Window) -> FloatArray:
        return window.states if self._input == "token_states" else window.pooled

    def _run(self, value: FloatArray) -> FloatArray:
        outputs: FloatArray = self._head.run(None, {self._input: value})[0].reshape(-1)
        return outputs


class WholeClassifier(_TextClassifier):
    """A whole model with a tokenizer of its own; reads nothing of the shared encoder."""

    def __init__(self, manifest: EvaluatorManifest, model: WholeModel | None = None) -> None:
        """Load the folder's model; `model` runs in its place, as its original does while it is exported."""
        super().__init__(manifest)
        self._model = model or WholeModel(manifest, rank=2)
        self.labels = self._model.labels

    def texts(self, _: Call) -> Iterable[str]:
        """Return no text: the model has its own tokenizer."""
        return []

    def _windows(self, text: str, _: Mapping[str, Encoding]) -> Iterator[tuple[Span, FloatArray]]:
        pieces = [
            (piece.span, latin_lookalikes(piece.text))
            for piece in self._model.pieces(text, max_tokens=self._model.room(texts=1))
        ]
        if self.manifest.screen is None:
            yield from ((span, self._model.classify(piece)) for span, piece in pieces)
            return
        screened = [(span, self._model.screened(piece)) for span, piece in pieces]
        yield from ((span, window.probabilities) for span, window in screened)
        for segment in suspects(text, screened, self.manifest):
            yield segment.span, self._model.classify(segment.text)


def text_classifier(manifest: EvaluatorManifest) -> HeadClassifier | WholeClassifier:
    """Return the classifier that the manifest describes."""
    return HeadClassifier(manifest) if manifest.tokenizer is None else WholeClassifier(manifest)
