"""A classifier's outputs: their labels, and the probabilities that they mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.encoding import FloatArray
from otel_llm.evaluate.definition.manifest import EvaluatorManifest

_ROUNDING = 1e-4  # by this much, outputs of float16 weights lie outside [0, 1]
_LEAST_ODDS = 1e-7  # a probability of 0 or 1 has no finite log-odds
_MOST_LOG_ODDS = 700  # exp overflows beyond this number


def log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    """Return the log-odds of probabilities; 0 and 1 count as 1e-7 and 1 - 1e-7."""
    values = np.clip(np.asarray(probability, dtype=np.float64), _LEAST_ODDS, 1 - _LEAST_ODDS)
    found: NDArray[np.float64] = np.log(values / (1 - values))
    return found


def probability(log_odds: float) -> float:
    """Return the probability with those log-odds."""
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -_MOST_LOG_ODDS else 0.0


def in_order(manifest: EvaluatorManifest, weights: Mapping[str, float], names: Sequence[str]) -> FloatArray:
    """Return the weights of a logistic regression, `options.weights` of the manifest, in the order of the names.

    Raises:
        ModelError: the weights have other names.
    """
    if weights.keys() != set(names):
        raise ModelError(
            f"{manifest.folder / 'evaluator.toml'}: options.weights must have the keys {', '.join(names)},"
            f" got {', '.join(weights) or 'none'}: write it with python -m recipes.{manifest.name}"
        )
    return np.array([weights[name] for name in names], dtype=np.float32)


class Labels:
    """The names of the outputs, in their order; `index` is that of the label whose probability is the score."""

    def __init__(self, manifest: EvaluatorManifest, count: int) -> None:
        """Take the manifest's labels for `count` outputs.

        Raises:
            ModelError: there are more or fewer outputs than labels.
        """
        self.names = manifest.labels or ((manifest.scores,) if count == 1 else ())
        if len(self.names) != count:
            raise ModelError(
                f"{manifest.folder / 'evaluator.toml'}: labels must name the {count} outputs of model.onnx, in"
                f" their order, got {list(manifest.labels)}"
            )
        self.index = self.names.index(manifest.label) if manifest.label else 0
        self._manifest = manifest

    def probabilities(self, outputs: FloatArray) -> FloatArray:
        """Return probabilities for the model's outputs, whose last dimension is the labels.

        Raises:
            ModelError: an output is not between 0 and 1 after the activation.
        """
        values: FloatArray = outputs.astype(np.float32)
        if self._manifest.activation == "sigmoid":
            values = np.reciprocal(1 + np.exp(-np.clip(values, -80, 80)))
        elif self._manifest.activation == "softmax":
            powers = np.exp(values - values.max(axis=-1, keepdims=True))
            values = powers / powers.sum(axis=-1, keepdims=True)
        if not ((values >= -_ROUNDING) & (values <= 1 + _ROUNDING)).all():  # true for nan, too
            raise ModelError(
                f"{self._manifest.folder / 'evaluator.toml'}: activation must make model.onnx's outputs"
                f" probabilities, got {self._manifest.activation!r} and outputs from {values.min()} to"
                f" {values.max()}: where they are logits it is sigmoid or softmax"
            )
        clipped: FloatArray = np.clip(values, 0, 1)
        return clipped

    def describe(self, probabilities: FloatArray) -> str:
        """Return the labels at or above the threshold with their probability, the score's own label first."""
        manifest, own = self._manifest, self.index
        others = [
            index
            for index in np.argsort(-probabilities)
            if index != own and manifest.fails == "above" and probabilities[index] >= manifest.threshold
        ]
        return ", ".join(f"{self.names[index]} {probabilities[index]:.2f}" for index in [own, *others])
