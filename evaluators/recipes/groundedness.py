"""The groundedness evaluator: a cross-encoder over a claim and its evidence, weighed with what the words say.

Run: `python -m recipes.groundedness`, four hours on one core. Trains the model, weighs its outputs and the
lexical signals on development claims, fixes the threshold, and writes model.onnx, tokenizer.json, evaluator.toml.
What measures it on data that it never saw is `python -m recipes.measure groundedness`.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from tqdm import tqdm

from otel_llm.evaluate.definition.manifest import EvaluatorManifest, read_manifest
from otel_llm_evaluators.groundedness.evaluator import EVIDENCE, Groundedness, Options
from recipes.common import DATA_OPTION, EVALUATORS, SEED, WORK, log_metrics, sha256, write_toml
from recipes.finetune import batches, export, fit, tokenizer
from recipes.groundedness_data import Claim, training
from recipes.groundedness_model import GroundednessModel, Pair, Served, loss_of, pairs
from recipes.synthetic import corrupted, facts, near_misses, spoiled

_TARGET = EVALUATORS / "groundedness"
_VERSION = "3"
_STEPS = 1550  # of the first round, about as many claims as there are
_BATCH = 24  # claims, a third of them beside what they were spoiled from
_RATE = 2e-4
_ONCE = {"summedits": 2, "faithdial": 3, "begin": 3}  # small sources that are most like what is measured
_AGAIN = {
    "snli": 2, "mnli": 3, "scitail": 2, "fm2": 2, "wice": 2, "summedits": 2,
    "facts": 0.25, "spoiled": 0.25, "near": 0.25, "corrupted": 0.5,
}  # fmt: skip
"""Times that a source's claims are read in the second round: less often if learnt, more often if hard."""
_SHARES = (0.3, 0.7)  # of the two rounds' weights in their mean
_OPTIONS = Options(
    max_characters=200_000,
    max_sentences=30,
    evidence_characters=700,
    max_tokens=256,
    bias=0.0,
    weights=dict.fromkeys(EVIDENCE, 0.0),
)
_STRENGTH = 0.003  # of the regression, the inverse of its penalty: many signals say nearly the same
_OF_A_SOURCE = 250  # development claims
_PARTS = 10  # of the documents, one part in so many is for development


@click.command()
@DATA_OPTION
@click.option(
    "--threads", default=1, show_default=True, help="More scale badly: torchrun with a process for each."
)
@click.option("--steps", type=int, help="Of each round, for a quick look: what is shipped had them all.")
def main(data: Path, threads: int, steps: int | None) -> None:
    """Train, weigh and write the groundedness evaluator."""
    torch.set_num_threads(threads)
    published = training(data)
    claims = [
        *published,
        *facts(3500),
        *spoiled(data, 2500),
        *near_misses(data, 7000),
        *corrupted(published, 3000),
    ]
    development, rest = _parted(claims)
    read = tokenizer()
    read.enable_truncation(_OPTIONS.max_tokens)
    units = pairs(rest, read, _OPTIONS)
    rounds = [
        batches(_taken(rest, units, times), lambda unit: len(unit[0].tokens), size=_BATCH)[: steps or whole]
        for times, whole in ((_ONCE, _STEPS), (_AGAIN, None))
    ]
    torch.manual_seed(SEED)
    model = GroundednessModel()
    fit("groundedness", model, rounds, lambda batch: loss_of(model, batch), rate=_RATE, shares=_SHARES)

    stage = WORK / "groundedness"  # so that what is installed fits together at any time
    stage.mkdir(exist_ok=True)
    _export(model, stage)
    evidence = _evidence(development, stage)
    supported = np.array([claim.supported for claim in development])
    sources = np.array([claim.source for claim in development])
    options, scores = _weighed(evidence, supported, sources)
    threshold = _threshold(scores, supported, sources)
    _write(stage, options, threshold)
    for name in ("model.onnx", "tokenizer.json", "evaluator.toml"):
        shutil.copyfile(stage / name, _TARGET / name)
    log_metrics("groundedness", {"threshold": threshold, **_figures(evidence, scores, supported, sources)})


def _taken(
    claims: Sequence[Claim], units: Sequence[tuple[Pair, ...]], times: Mapping[str, float]
) -> list[tuple[Pair, ...]]:
    """Return each unit as often as its claim's source is read; for a fraction, that share of the units."""
    choose = random.Random(SEED)
    return [
        unit
        for claim, unit in zip(claims, units, strict=True)
        for _ in range(int(times.get(claim.source.split("_")[0], 1) + choose.random()))
    ]


def _parted(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
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


def _export(model: GroundednessModel, stage: Path) -> None:
    exported = GroundednessModel("eager")
    exported.load_state_dict(model.state_dict())
    ids = torch.randint(1000, 2000, (1, 9), generator=torch.Generator().manual_seed(0))
    types = (torch.arange(9) > 4).long()[None]
    export(Served(exported), {"input_ids": ids, "token_type_ids": types}, "logits", stage / "model.onnx")
    shutil.copyfile(EVALUATORS / "minilm_l6_v2" / "tokenizer.json", stage / "tokenizer.json")


def _evidence(claims: Sequence[Claim], stage: Path) -> np.ndarray:
    """Return (claims, evidence) as the evaluator finds it."""
    evaluator = Groundedness(_write(stage, _OPTIONS, threshold=0.5))
    found = [
        evaluator.sentences(claim.text, claim.documents)
        for claim in tqdm(claims, unit="claim", desc="development")
    ]
    # what looks like several sentences is as well supported as the worst of them
    return np.stack([min((s.evidence for s in said), key=lambda evidence: evidence[0]) for said in found])


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
    options = _OPTIONS.model_copy(
        update={
            "bias": round(bias, 4),
            "weights": {name: round(float(weight), 4) for name, weight in zip(EVIDENCE, weights, strict=True)},
        }
    )
    return options, 1 / (1 + np.exp(-(evidence @ weights + bias)))


def _threshold(scores: np.ndarray, supported: np.ndarray, sources: np.ndarray) -> float:
    """Return the threshold of the best balanced accuracy, averaged over sources."""
    groups = [(scores[sources == s], supported[sources == s]) for s in sorted(set(sources))]
    groups = [(s, t) for s, t in groups if t.any() and not t.all()]
    candidates = np.arange(0.2, 0.81, 0.02)
    quality = [np.mean([balanced_accuracy_score(t, s >= value) for s, t in groups]) for value in candidates]
    return round(float(candidates[int(np.argmax(quality))]), 2)


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
        "files": {name: sha256(folder / name) for name in ("model.onnx", "tokenizer.json")},
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
