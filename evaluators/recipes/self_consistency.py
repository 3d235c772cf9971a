"""Self-consistency: fit the weights of the sentences' comparison, fix the threshold, measure.

Run: `python -m recipes.self_consistency`. Writes `evaluator.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from itertools import chain
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from otel_llm.evaluate.definition.encoding import Encoding
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.definition.manifest import EvaluatorManifest, read_manifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.engine.sentences import sentences
from otel_llm.evaluate.engine.words import words
from otel_llm.genai.call import Call, Message, Part
from otel_llm_evaluators.self_consistency.evaluator import (
    FEATURES,
    Choice,
    SelfConsistency,
    Sentence,
    compare,
    nearest_to,
)
from recipes.common import DATA_OPTION, EVALUATORS, log_metrics, write_toml
from recipes.self_consistency_data import Choices, Pair, developing, measuring, pairs
from recipes.statistics import estimates

_VERSION = "2"
_FOLDER = EVALUATORS / "self_consistency"
_LIMITS = {"max_choices": 5, "max_characters": 4_000, "max_sentences": 12}
_FIGURES = ("roc_auc", "balanced_accuracy")
_RIDGE = 1.0  # keeps weights of what is rare near 0

_Floats = NDArray[np.float64]


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Fit, fix the threshold, write the manifest and print the figures of the model card."""
    encoder = Encoder(encoder_manifest("minilm_l6_v2"))
    encodings: dict[str, Encoding] = {}
    trained = pairs(data)
    _encode(encoder, encodings, chain.from_iterable((pair.sentence, pair.other) for pair in trained), "training")
    features = np.array([_features(pair, encodings) for pair in trained], dtype=np.float64)
    weights = fit(features, np.array([pair.support for pair in trained]))
    evaluator = _write(weights, threshold=0.5)
    development = {name: _scores(evaluator, encoder, encodings, sets) for name, sets in developing(data).items()}
    threshold = fix_threshold(development.values())
    evaluator = _write(weights, threshold)
    figures: dict[str, Any] = {"pairs": len(trained), "threshold": threshold}
    for name, sets in measuring(data).items():
        scores, agree = _scores(evaluator, encoder, encodings, sets)
        found = estimates(scores, agree, scores >= threshold, groups=[each.group for each in sets])
        figures[name] = {
            "sets": len(sets),
            "agreeing": int(agree.sum()),
            "false_alarms": float((scores[agree] < threshold).mean()),
            **{key: [round(figure, 3) for figure in astuple(found[key])] for key in _FIGURES},
        }
    log_metrics("self_consistency", figures)


def fit(features: _Floats, support: _Floats) -> _Floats:
    """Return the weights, then the bias, of a logistic regression whose targets may lie between 0 and 1.

    Newton's method, with a ridge on the weights.
    """
    design = np.column_stack([features, np.ones(len(features))])
    ridge = np.diag([_RIDGE] * features.shape[1] + [0.0])
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (likely - support) + ridge @ weights
        weights -= np.linalg.solve(design.T @ (design * (likely * (1 - likely))[:, None]) + ridge, gradient)
    return weights


def fix_threshold(development: Any) -> float:
    """Return the threshold at which the balanced accuracy, averaged over the development sets, is best."""

    def accuracy(threshold: float) -> float:
        sides = [((s[a] >= threshold).mean() + (s[~a] < threshold).mean()) / 2 for s, a in development]
        return float(np.mean(sides))

    return float(max((round(x, 2) for x in np.arange(0.05, 0.96, 0.01)), key=accuracy))


def _encode(encoder: Encoder, encodings: dict[str, Encoding], texts: Any, what: str) -> None:
    distinct = dict.fromkeys(text[start:end] for text in texts for start, end in sentences(text))
    for text in tqdm([text for text in distinct if text not in encodings], unit="sentence", desc=what):
        encodings |= encoder.encode([text])


def _features(pair: Pair, encodings: Mapping[str, Encoding]) -> Any:
    ((sentence,), said) = (_read(text, encodings) for text in (pair.sentence, pair.other))
    other = Choice(2, said)
    return compare(sentence, nearest_to(sentence, other), other)


def _read(text: str, encodings: Mapping[str, Encoding]) -> tuple[Sentence, ...]:
    spans = [text[start:end] for start, end in sentences(text)]
    return tuple(Sentence(span, words(span), encodings[span].pooled) for span in spans)


def _write(weights: _Floats, threshold: float) -> SelfConsistency:
    named = dict(zip(FEATURES, (round(float(weight), 4) for weight in weights), strict=False))
    manifest = {
        "name": "self_consistency",
        "version": _VERSION,
        "kind": "python",
        "code": "otel_llm_evaluators.self_consistency.evaluator:SelfConsistency",
        "targets": ["output"],
        "encoder": "minilm_l6_v2",
        "scores": "consistent",
        "threshold": threshold,
        "fails": "below",
        "options": {**_LIMITS, "bias": round(float(weights[-1]), 4)},
        "options.weights": named,
    }
    write_toml(_FOLDER / "evaluator.toml", manifest)
    return SelfConsistency(read_manifest(_FOLDER / "evaluator.toml", EvaluatorManifest))


def _scores(
    evaluator: SelfConsistency, encoder: Encoder, encodings: dict[str, Encoding], sets: Sequence[Choices]
) -> tuple[_Floats, NDArray[np.bool_]]:
    calls = [_call(each) for each in sets]
    _encode(encoder, encodings, (text for each in sets for text in each.texts), sets[0].source)
    scores = [evaluator.evaluate(call, encodings)[0].score for call in calls]
    return np.array(scores, dtype=np.float64), np.array([each.agree for each in sets])


def _call(choices: Choices) -> Call:
    return Call(
        trace_id="0" * 32,
        span_id="0" * 16,
        service="recipes",
        operation="chat",
        provider="",
        request_model="",
        output=tuple(Message("assistant", (Part("text", text),)) for text in choices.texts),
        start_ns=0,
        duration_s=0.0,
    )


if __name__ == "__main__":
    main()
