"""The prompt injection evaluator: its classifier's head, and how rules and classifier are weighed.

Run: `python -m recipes.prompt_injection`, a quarter of an hour; or with `--head FILE` to weigh a head that
is there, some minutes. Writes model.onnx and evaluator.toml, with the sha256 of rules.toml, and prints
how often each rule is right on development data. What measures it is `python -m recipes.measure prompt_injection`.
"""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm_evaluators.prompt_injection.evaluator import Evidence, PromptInjection
from recipes.common import DATA_OPTION, EVALUATORS, WORK, log_metrics, sha256, write_toml
from recipes.injection_data import Example, development, training
from recipes.injection_head import train
from recipes.injection_sets import record

_TARGET = EVALUATORS / "prompt_injection"
_VERSION = "2"
_LEAST_THRESHOLD = 0.5
_FALSE_POSITIVE_RATE = 0.01  # on benign prompts, answers and documents: it sets the threshold
_SMOOTHING = 0.01  # the share of labels taken for wrong: attacks of other kinds are not as easy to tell


@click.command()
@DATA_OPTION
@click.option(
    "--head", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A head that is trained."
)
def main(data: Path, head: Path | None) -> None:
    """Train a head or take one, weigh rules and classifier, and write the evaluator."""
    stage = WORK / "prompt_injection"  # so that what is installed fits together at any time
    stage.mkdir(exist_ok=True)
    shutil.copyfile(_TARGET / "rules.toml", stage / "rules.toml")
    if head is None:
        train(training(data), stage / "model.onnx")
    else:
        shutil.copyfile(head, stage / "model.onnx")

    examples = development(data)
    found = _evidence(examples, stage)
    truth = np.array([example.injection for example in examples])
    fetched = np.array([evidence.source.is_document for evidence in found])
    weights = {
        "input": _weights(found, truth, ~fetched),
        "document": _weights(found, truth, fetched),
    }
    scores = np.array([_score(evidence, weights) for evidence in found])
    plain = np.array([not example.source.startswith("rules") for example in examples])
    threshold = max(_LEAST_THRESHOLD, float(np.quantile(scores[plain & ~truth], 1 - _FALSE_POSITIVE_RATE)))
    shutil.copyfile(stage / "model.onnx", _TARGET / "model.onnx")
    write_toml(_TARGET / "evaluator.toml", _manifest(stage, weights, round(threshold + 0.005, 2)))
    log_metrics(
        "prompt_injection",
        {
            "weights": weights,
            "threshold": threshold,
            "rules, right and wrong": _rules(found, truth),
            "failing, of injections and of benign texts": _failing(examples, scores >= threshold),
        },
    )


def _evidence(examples: Sequence[Example], stage: Path) -> list[Evidence]:
    """Return the evaluator's evidence for an injection in each text."""
    unweighed = _manifest(stage, {"input": [0.0, 1.0, 1.0], "document": [0.0, 1.0, 1.0]}, _LEAST_THRESHOLD)
    evaluator = PromptInjection(EvaluatorManifest.model_validate({"folder": stage, **unweighed}))
    encoder = Encoder(encoder_manifest("minilm_l6_v2"))
    found = []
    for example in tqdm(examples, unit="text", desc="evidence"):
        call = record(example).call()
        # the last one is the document's, where there is one
        found.append(evaluator.evidence(call, encoder.encode(evaluator.texts(call)))[-1])
    return found


def _weights(found: Sequence[Evidence], truth: np.ndarray, chosen: np.ndarray) -> list[float]:
    """Return bias, weight of the rules and weight of the classifier; injections and benign texts count alike."""
    values = np.array([[evidence.rules, evidence.logit] for evidence in found])[chosen]
    wanted = truth[chosen]
    both = np.concatenate([wanted, ~wanted])
    shares = np.where(wanted, 1 / max(1, wanted.sum()), 1 / max(1, (~wanted).sum()))
    counts = np.concatenate([shares * (1 - _SMOOTHING), shares * _SMOOTHING]) * len(wanted)
    model = LogisticRegression(C=1.0).fit(np.concatenate([values, values]), both, sample_weight=counts)
    return [round(float(value), 3) for value in (model.intercept_[0], *model.coef_[0])]


def _score(evidence: Evidence, weights: dict[str, list[float]]) -> float:
    bias, rules, classifier = weights["document" if evidence.source.is_document else "input"]
    return float(1 / (1 + np.exp(-(bias + rules * evidence.rules + classifier * evidence.logit))))


def _rules(found: Sequence[Evidence], truth: np.ndarray) -> dict[str, str]:
    counts = {True: Counter[str](), False: Counter[str]()}
    for evidence, injection in zip(found, truth, strict=True):
        counts[bool(injection)].update(finding.type for finding in evidence.findings)
    return {name: f"{counts[True][name]}, {counts[False][name]}" for name in sorted(counts[True] | counts[False])}


def _failing(examples: Sequence[Example], failed: np.ndarray) -> dict[str, float]:
    groups: dict[str, list[bool]] = defaultdict(list)
    for example, fails in zip(examples, failed, strict=True):
        groups[f"{example.source}, {'injection' if example.injection else 'benign'}"].append(bool(fails))
    return {name: round(float(np.mean(group)), 3) for name, group in sorted(groups.items())}


def _manifest(stage: Path, weights: dict[str, list[float]], threshold: float) -> dict[str, Any]:
    return {
        "name": "prompt_injection",
        "version": _VERSION,
        "kind": "python",
        "code": "otel_llm_evaluators.prompt_injection.evaluator:PromptInjection",
        "targets": ["input"],
        "encoder": "minilm_l6_v2",
        "scores": "injection",
        "threshold": threshold,
        "options": weights,
        "files": {file: sha256(stage / file) for file in ("model.onnx", "rules.toml")},
    }


if __name__ == "__main__":
    main()
