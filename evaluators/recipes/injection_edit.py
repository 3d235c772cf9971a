"""A correction of the classifier's head: benign texts of some families score low, other texts as before.

Run: `python -m recipes.injection_edit`, minutes on one core. What the head says of other texts is held by a
penalty on each change of its log-odds. Writes model.onnx, and its sha256 into evaluator.toml.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from scipy.optimize import minimize

from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.engine.encoder import Encoder
from recipes.common import DATA_OPTION, EVALUATORS, SEED, log_metrics, sha256, write_toml
from recipes.injection_data import training

_TARGET = EVALUATORS / "prompt_injection"
_FAMILIES = ("rules_operations", "rules_own_message")
_SHORT = 260  # characters of the texts that are one window
_BENIGN, _KEPT_SHORT, _KEPT_LONG = 800, 3600, 900  # texts of the families, and of all others
_WINDOWS = 2  # of a long text
_KEEP = 3.0  # what the mean square of the changes counts, against the mean loss over the families
_RIDGE = 1e-3
_MARGIN = 2.0  # log-odds below 0 that benign texts should have

Floats = NDArray[np.float64]


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Correct the head and write it."""
    texts = training(data)
    random.Random(SEED).shuffle(texts)
    short, long = ([each for each in texts if (len(each.text) < _SHORT) == kind] for kind in (True, False))
    benign = [each.text for each in short if each.source in _FAMILIES][:_BENIGN]
    kept = [each.text for each in short if each.source not in _FAMILIES][:_KEPT_SHORT]
    kept += [each.text for each in long][:_KEPT_LONG]
    model = onnx.load(_TARGET / "model.onnx")
    values = {each.name: each for each in model.graph.initializer}
    weights, bias = (numpy_helper.to_array(values[name]).astype(np.float64).ravel() for name in ("w", "b"))
    states, others = _states(benign), _states(kept)
    change = _change(states, states @ weights + bias, others)
    values["w"].CopyFrom(numpy_helper.from_array((weights + change[:-1]).astype(np.float32)[:, None], "w"))
    values["b"].CopyFrom(numpy_helper.from_array((bias + change[-1]).astype(np.float32), "b"))
    onnx.save(model, _TARGET / "model.onnx")
    path = _TARGET / "evaluator.toml"
    manifest = tomllib.loads(path.read_text(encoding="utf-8"))
    write_toml(path, manifest | {"files": {name: sha256(_TARGET / name) for name in manifest["files"]}})
    moved = float(np.sqrt(np.mean((others @ change[:-1] + change[-1]) ** 2)))
    log_metrics("injection edit", {"other texts, root mean square of the change in log-odds": round(moved, 3)})


def _states(texts: Iterable[str]) -> Floats:
    """Return the mean states of the first windows of each text."""
    encodings = Encoder(encoder_manifest("minilm_l6_v2")).encode(texts)
    windows = [window for encoding in encodings.values() for window in encoding.windows[:_WINDOWS]]
    return np.stack([window.states.mean(axis=0) for window in windows]).astype(np.float64)


def _change(benign: Floats, odds: Floats, others: Floats) -> Floats:
    """Return the change of the weights and, last, of the bias."""

    def loss(change: Floats) -> tuple[float, Floats]:
        after = odds + benign @ change[:-1] + change[-1] + _MARGIN
        moved = others @ change[:-1] + change[-1]
        value = np.logaddexp(0, after).mean() + _KEEP * (moved**2).mean() + _RIDGE * (change[:-1] ** 2).sum()
        pull, hold = 1 / (1 + np.exp(-after)) / len(benign), 2 * _KEEP * moved / len(others)
        slope = benign.T @ pull + others.T @ hold + 2 * _RIDGE * change[:-1]
        return value, np.r_[slope, pull.sum() + hold.sum()]

    start = np.zeros(benign.shape[1] + 1)
    result: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 800}).x
    return result


if __name__ == "__main__":
    main()
