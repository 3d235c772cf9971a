"""The weights of the groundedness evaluator: its model's outputs and the signals of words, weighed.

Run: `python -m recipes.groundedness_weights`, some minutes on one core. Reads development claims with the model
that is installed, fits a logistic regression and the threshold, and writes evaluator.toml. `recipes.groundedness`
does the same after it has trained the model.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from tqdm import tqdm

from otel_llm.evaluate.api import words
from otel_llm.evaluate.definition.manifest import EvaluatorManifest, read_manifest
from otel_llm_evaluators.groundedness.claims import claims as claims_of
from otel_llm_evaluators.groundedness.context import Context
from otel_llm_evaluators.groundedness.evaluator import EVIDENCE, Groundedness, Options
from recipes.common import DATA_OPTION, EVALUATORS, SEED, WORK, log_metrics, sha256, write_toml
from recipes.groundedness_data import Claim, support_answers, training
from recipes.synthetic import corrupted, facts, near_misses, spoiled

_TARGET = EVALUATORS / "groundedness"
_VERSION = "4"
_FILES = ("model.onnx", "tokenizer.json")
OPTIONS = Options(
    max_characters=200_000,
    max_sentences=30,
    evidence_characters=700,
    max_tokens=256,
    bias=0.0,
    weights=dict.fromkeys(EVIDENCE, 0.0),
)
_STRENGTH = 0.003  # of the regression, the inverse of its penalty: many signals say nearly the same
_OF_A_SOURCE = 250  # development claims
_NEARLY = 0.004  # of balanced accuracy: a larger share takes recall for few false alarms
_PARTS = 10  # of the documents, one part in so many is for development


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Weigh the evidence anew, with the model that is installed, and write evaluator.toml."""
    stage = WORK / "groundedness"  # so that what is installed fits together at any time
    stage.mkdir(exist_ok=True)
    for name in _FILES:
        shutil.copyfile(_TARGET / name, stage / name)
    development, _ = parted(claims(data))
    weigh(stage, development)
    shutil.copyfile(stage / "evaluator.toml", _TARGET / "evaluator.toml")


def claims(data: Path) -> list[Claim]:
    """Return all claims that train the model or weigh its evidence."""
    published = training(data)
    return [
        *published,
        *facts(3500),
        *spoiled(data, 2500),
        *near_misses(data, 7000),
        *corrupted(published, 3000),
    ]


def weigh(folder: Path, development: Sequence[Claim]) -> None:
    """Fit weights and threshold on the claims and write the manifest of the folder."""
    read, evidence = _evidence([*development, *support_answers("development")], folder)
    supported = np.array([claim.supported for claim in read])
    sources = np.array([claim.source for claim in read])
    options, scores = _weighed(evidence, supported, sources)
    threshold = _threshold(scores, supported, sources)
    _write(folder, options, threshold)
    log_metrics("groundedness", {"threshold": threshold, **_figures(evidence, scores, supported, sources)})


def parted(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Return some for development and the rest; claims with the same documents stay together.

    One part in so many of the documents is for development, and of one source not more than are needed.
    """
    documents = sorted({claim.documents for claim in claims})
    chosen = set(random.Random(SEED).sample(documents, len(documents) // _PARTS))
    development = [claim for claim in claims if claim.documents in chosen]
    random.Random(SEED).shuffle(development)
    seen: Counter[str] = Counter()
    few = []
    for claim in development:
        seen[claim.source] += 1
        if seen[claim.source] <= _OF_A_SOURCE:
            few.append(claim)
    return few, [claim for claim in claims if claim.documents not in chosen]


def _evidence(development: Sequence[Claim], folder: Path) -> tuple[list[Claim], np.ndarray]:
    """Return the claims that the model reads, and (claims, evidence) as the evaluator finds it."""
    evaluator = Groundedness(_write(folder, OPTIONS, threshold=0.5))
    read, rows = [], []
    for claim in tqdm(development, unit="claim", desc="development"):
        context = Context.read(claim.documents, max_characters=OPTIONS.max_characters)
        found = [
            evaluator.evidence(each.text, words(each.text), context)[0]
            for each in claims_of(claim.text)
            if each.lacks is None
        ]
        if found:
            read.append(claim)
            # what looks like several sentences is as well supported as the worst of them
            rows.append(min(found, key=lambda evidence: float(evidence[0])))
    return read, np.stack(rows)


def _weighed(evidence: np.ndarray, supported: np.ndarray, sources: np.ndarray) -> tuple[Options, np.ndarray]:
    """Return the options with the weights of a logistic regression, and its probabilities.

    Each source counts alike, and so do its supported and unsupported claims.
    """
    counts = Counter(zip(sources, supported, strict=True))
    each = np.array([1 / counts[source, truth] for source, truth in zip(sources, supported, strict=True)])
    each /= each.mean()
    scale = evidence.std(axis=0) + 1e-6
    model = LogisticRegression(C=_STRENGTH, max_iter=2000).fit(evidence / scale, supported, each)
    weights = model.coef_[0] / scale
    # so strong a penalty makes the weights small: a probability needs them at their size
    size = LogisticRegression(C=1e6).fit((evidence @ weights)[:, None], supported, each)
    weights, bias = weights * size.coef_[0, 0], float(size.intercept_[0])
    options = OPTIONS.model_copy(
        update={
            "bias": round(bias, 4),
            "weights": {name: round(float(weight), 4) for name, weight in zip(EVIDENCE, weights, strict=True)},
        }
    )
    return options, 1 / (1 + np.exp(-(evidence @ weights + bias)))


def _threshold(scores: np.ndarray, supported: np.ndarray, sources: np.ndarray) -> float:
    """Return the lowest threshold whose balanced accuracy, averaged over sources, is near the best.

    Of thresholds that are nearly as good, the lowest has the fewest false alarms.
    """
    groups = [(scores[sources == s], supported[sources == s]) for s in sorted(set(sources))]
    groups = [(s, t) for s, t in groups if t.any() and not t.all()]
    candidates = np.arange(0.2, 0.81, 0.02)
    quality = np.array(
        [np.mean([balanced_accuracy_score(t, s >= value) for s, t in groups]) for value in candidates]
    )
    return round(float(candidates[int(np.argmax(quality >= quality.max() - _NEARLY))]), 2)


def _write(folder: Path, options: Options, threshold: float) -> EvaluatorManifest:
    manifest = {
        "name": "groundedness",
        "version": _VERSION,
        "kind": "python",
        "code": "otel_llm_evaluators.groundedness.evaluator:Groundedness",
        "targets": ["output"],
        "scores": "grounded",
        "threshold": threshold,
        "fails": "below",
        "files": {name: sha256(folder / name) for name in _FILES},
        "options": options.model_dump(exclude={"weights"}),
        "options.weights": options.weights,
    }
    write_toml(folder / "evaluator.toml", manifest)
    return read_manifest(folder / "evaluator.toml", EvaluatorManifest)


def _figures(
    evidence: np.ndarray, scores: np.ndarray, supported: np.ndarray, sources: np.ndarray
) -> dict[str, dict[str, float]]:
    """Return the ROC-AUC of the model alone and of all together, for each development source."""
    figures = {}
    for source in sorted(set(sources)):
        of = sources == source
        if supported[of].any() and not supported[of].all():
            values = {"model": evidence[of, 0], "all": scores[of]}
            figures[f"development: {source}"] = {
                "claims": int(of.sum()),
                **{name: round(float(roc_auc_score(supported[of], v)), 4) for name, v in values.items()},
            }
    return figures


if __name__ == "__main__":
    main()
