"""The last layer of the toxicity evaluator, and its screen: both fitted to segments of texts, on a frozen encoder.

Run: `python -m recipes.toxicity_head`, minutes on one core, after `python -m recipes.toxicity`, which trains the
encoder and runs this at its end. Segments of development texts, which the encoder was not trained on, and texts
written by rule decide anew which states are toxic: in a sentence by itself a rude word stands out more than in the
text around it. Then the screen learns to find, in the states of a window, the segments that fail by themselves.
"""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import numpy as np
from scipy.optimize import minimize

from otel_llm.evaluate.engine.segments import segments
from otel_llm.evaluate.engine.windows import cut
from otel_llm.evaluate.kinds.whole_model import read_tokenizer
from recipes.common import DATA_OPTION, EVALUATORS, SEED, WORK, log_metrics, sha256, write_toml
from recipes.toxicity_data import training
from recipes.toxicity_examples import LABELS, Example
from recipes.toxicity_graph import Floats, Head, Trained
from recipes.toxicity_made import HEAD_RULES, RULES, WRAPS, written

TRAINED = WORK / "toxicity-encoder" / "model.onnx"
DEVELOPMENT = 3000  # texts that the encoder is not trained on
_TARGET = EVALUATORS / "toxicity"
_VERSION = "4"
_MAX_TOKENS = 128  # of a window, which the screen reads
_MAX_WINDOWS = 128
_TEXT_TOKENS = _MAX_TOKENS - 6
_LEAST_MISSED = 2.0  # what a toxic segment counts in the loss; a benign one counts 1
_RIDGE = 30.0  # on the change of the weights
_COMMENTS, _ANSWERS, _RULES = 300, 2000, 1000  # texts of these sources that are added to development
_FOLDS = 5
_FALSE_POSITIVE_RATE = 0.002  # of benign development texts of assistants: it sets the threshold
_OF_RULES = 0.055  # and of those written by rule
_MIXES = 8000  # texts put together that fit the screen
_OTHER_MIXES = 2000  # and of development texts, which set its limit
_SUSPICIOUS = 0.4  # what the screen learns to find: segments of this probability and above
_SCREEN_MISSED, _SCREEN_RIDGE = 10.0, 3.0
_UNSEEN = 0.001  # share of failing development segments that the screen may miss: it sets the limit


@dataclass(frozen=True)
class _Rows:
    """Segments with their labels."""

    states: Floats
    toxic: Floats
    """Probability that the segment is toxic."""
    example: np.ndarray
    """Number of the example that the segment is of."""


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Fit the last layer and the screen, set the threshold, and write the evaluator."""
    finish(data)


def finish(data: Path) -> None:
    """Write model.onnx, tokenizer.json and evaluator.toml of the encoder that `recipes.toxicity` trained."""
    if not TRAINED.exists():
        raise click.ClickException(f"{TRAINED}: is missing: run python -m recipes.toxicity first")
    examples = training(data)
    random.Random(SEED).shuffle(examples)
    reader = _Reader(Trained(TRAINED))
    fitting = _fitting(examples)
    rows = _rows(fitting, reader)
    toxic = _fit(rows, reader.trained.head)
    scores = _out_of_fold(fitting, rows, reader.trained.head)
    threshold = _threshold(scores, fitting)
    head = Head(*(part.copy() for part in reader.trained.head))
    head.weights[:, 0], head.bias[0] = toxic.weights[:, 0], toxic.bias[0]
    screen, limit, share = _screen(examples, reader, toxic, threshold)
    reader.trained.write(_TARGET / "model.onnx", head, screen)
    shutil.copyfile(EVALUATORS / "minilm_l6_v2" / "tokenizer.json", _TARGET / "tokenizer.json")
    _write_manifest(threshold, limit)
    log_metrics("toxicity head", {"threshold": threshold, "screen": limit, "passing segments screened": share})


class _Reader:
    """Tokens and states of texts."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.tokenizer = read_tokenizer(EVALUATORS / "minilm_l6_v2" / "tokenizer.json")
        self.pooled: Callable[[str], Floats] = cache(self._pooled)

    def segments(self, text: str) -> list[str]:
        """Return the segments' texts, cut as the evaluator cuts them."""
        return [segment.text for segment in segments(text)] or [text]

    def _pooled(self, text: str) -> Floats:
        tokens = self.tokenizer.encode(text)
        tokens.truncate(_MAX_TOKENS)
        return self.trained.pooled(tokens).astype(np.float64)

    def in_context(self, text: str) -> dict[str, Floats]:
        """Return each segment's mean state where it stands."""
        offsets, states = [], []
        for run in cut(self.tokenizer, text, max_tokens=_TEXT_TOKENS, max_windows=_MAX_WINDOWS):
            tokens = self.tokenizer.encode(text[slice(*run.span)])
            places = np.array(tokens.offsets)
            own = places[:, 1] > places[:, 0]
            offsets.append(places[own, 0] + run.span.start)
            states.append(self.trained.states(tokens)[own])
        starts, found = np.concatenate(offsets), np.concatenate(states)
        means = {}
        for segment in segments(text):
            inside = (starts >= segment.span.start) & (starts < segment.span.end)
            if inside.any():
                means[segment.text] = found[inside].mean(axis=0).astype(np.float64)
        return means


def _fitting(examples: Sequence[Example]) -> list[Example]:
    """Return development texts, and texts of a few sources beside them: no toxic one has more than one segment."""
    development, rest = examples[:DEVELOPMENT], examples[DEVELOPMENT:]
    comments = [example for example in rest if example.source == "civil_comments"][:_COMMENTS]
    answers = [example for example in rest if example.source == "halueval_answer"][:_ANSWERS]
    dialogues = [example for example in rest if example.source == "convabuse_train"]
    rules = random.Random(SEED).sample(list(written(RULES)), _RULES)
    chosen = [*development, *comments, *answers, *dialogues, *rules, *written(HEAD_RULES)]
    distinct = {example.text: example for example in chosen if example.source != "joined"}
    return [each for each in distinct.values() if not each.toxic or sum(1 for _ in segments(each.text)) == 1]


def _rows(examples: Sequence[Example], reader: _Reader) -> _Rows:
    rows = [
        (reader.pooled(segment), example.labels["toxic"] if example.toxic else 0.0, number)
        for number, example in enumerate(examples)
        for segment in reader.segments(example.text)
    ]
    states, toxic, numbers = zip(*rows, strict=True)
    return _Rows(np.stack(states), np.array(toxic), np.array(numbers))


def _fit(rows: _Rows, head: Head) -> Head:
    """Return the toxic label's layer: logistic regression on the change from the trained one."""
    offset = rows.states @ head.weights[:, 0] + head.bias[0]
    known = np.column_stack([rows.states, offset])
    found = _logistic(known, rows.toxic, offset, missed=_LEAST_MISSED, ridge=_RIDGE, free=1)
    scale = 1 + found[-2]
    weights = scale * head.weights[:, 0] + found[:-2]
    return Head(weights[:, None], np.array([scale * head.bias[0] + found[-1]]))


def _logistic(states: Floats, truth: Floats, offset: Floats, *, missed: float, ridge: float, free: int) -> Floats:
    """Return weights and, last, the bias; the last `free` weights are not held near 0."""
    weights = np.where(truth > 0.5, missed, 1.0)
    held = np.r_[np.full(states.shape[1] - free, ridge), np.zeros(free)]

    def loss(found: Floats) -> tuple[float, Floats]:
        odds = offset + states @ found[:-1] + found[-1]
        excess = weights * (1 / (1 + np.exp(-odds)) - truth)
        value = (weights * (np.logaddexp(0, odds) - truth * odds)).sum() + (held * found[:-1] ** 2).sum()
        return value, np.r_[states.T @ excess + 2 * held * found[:-1], excess.sum()]

    start = np.zeros(states.shape[1] + 1)
    result: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 800}).x
    return result


def _out_of_fold(examples: Sequence[Example], rows: _Rows, head: Head) -> Floats:
    """Return each example's score, its worst segment's, by a layer that was fitted without the example."""
    scores = np.zeros(len(examples))
    folds = rows.example % _FOLDS
    for fold in range(_FOLDS):
        kept = folds != fold
        toxic = _fit(_Rows(rows.states[kept], rows.toxic[kept], rows.example[kept]), head)
        found = _probabilities(rows.states[~kept], toxic)
        np.maximum.at(scores, rows.example[~kept], found)
    return scores


def _threshold(scores: Floats, examples: Sequence[Example]) -> float:
    """Return a score that few benign texts reach: prompts and answers, and texts written by rule."""
    benign = [
        (score, example.source) for score, example in zip(scores, examples, strict=True) if not example.toxic
    ]
    assistant = [score for score, source in benign if source.startswith(("halueval", "clinc", "banking", "mnli"))]
    by_rule = [score for score, source in benign if source == "rules"]
    limits = ((assistant, _FALSE_POSITIVE_RATE), (by_rule, _OF_RULES))
    return round(max(0.5, *(float(np.quantile(values, 1 - rate)) for values, rate in limits)), 2)


def _screen(
    examples: Sequence[Example], reader: _Reader, toxic: Head, threshold: float
) -> tuple[Head, float, float]:
    """Return the screen's layer, its limit, and the share of passing segments above the limit."""
    states, scores = _mixed(examples[DEVELOPMENT:], reader, toxic, _MIXES)
    truth = (scores >= _SUSPICIOUS).astype(np.float64)
    middle, offset = states.mean(axis=0), np.zeros(len(states))
    found = _logistic(states - middle, truth, offset, missed=_SCREEN_MISSED, ridge=_SCREEN_RIDGE, free=0)
    screen = Head(found[:-1, None], np.array([found[-1] - found[:-1] @ middle]))
    others, scores = _mixed(examples[:DEVELOPMENT], reader, toxic, _OTHER_MIXES)
    signs = _probabilities(others, screen)
    limit = float(np.quantile(signs[scores >= threshold], _UNSEEN))
    share = float((signs[scores < threshold] >= limit).mean())
    return screen, math.floor(limit * 1000) / 1000, round(share, 3)


def _mixed(examples: Sequence[Example], reader: _Reader, toxic: Head, count: int) -> tuple[Floats, Floats]:
    """Return the states of segments in texts put together, and the score of each segment by itself."""
    choose = random.Random(SEED)
    short = [example for example in examples if len(example.text) < 300 and example.source != "joined"]
    bad = [example.text for example in short if example.toxic and len(reader.segments(example.text)) == 1]
    good = [segment for example in short if not example.toxic for segment in reader.segments(example.text)]
    states, scores = [], []
    for _ in range(count):
        said = choose.choices(good, k=choose.randint(1, 10))
        for text in choose.choices(bad, k=choose.choice((0, 1, 1, 1, 2))):
            said.insert(choose.randint(0, len(said)), text)
        text = choose.choice(WRAPS)(said)
        for segment, state in reader.in_context(text).items():
            states.append(state)
            scores.append(_probabilities(reader.pooled(segment)[None], toxic)[0])
    return np.stack(states), np.array(scores)


def _probabilities(states: Floats, head: Head) -> Floats:
    odds: Floats = (states @ head.weights + head.bias)[:, 0]
    return 1 / (1 + np.exp(-odds))


def _write_manifest(threshold: float, limit: float) -> None:
    write_toml(
        _TARGET / "evaluator.toml",
        {
            "name": "toxicity",
            "version": _VERSION,
            "kind": "text_classifier",
            "targets": ["input", "output"],
            "scores": "toxic",
            "threshold": threshold,
            "labels": list(LABELS),
            "activation": "sigmoid",
            "tokenizer": "tokenizer.json",
            "max_tokens": _MAX_TOKENS,
            "max_windows": _MAX_WINDOWS,
            "screen": limit,
            "files": {name: sha256(_TARGET / name) for name in ("model.onnx", "tokenizer.json")},
        },
    )


if __name__ == "__main__":
    main()
