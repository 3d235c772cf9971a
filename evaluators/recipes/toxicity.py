"""The toxicity head: attention pooling over the frozen encoder's token states.

Run: `python -m recipes.toxicity`. Caches the states, trains for a few minutes, calibrates, fixes the threshold on
development texts, measures on data sets that it never saw, and writes model.onnx and evaluator.toml.
"""

from __future__ import annotations

import random
from pathlib import Path

import click
import numpy as np
import torch
from sklearn.metrics import f1_score, roc_auc_score
from torch import nn

from recipes.common import DATA_OPTION, EVALUATORS, SEED, export, log_metrics, sha256, write_toml
from recipes.fit import Batch, fit, temperature
from recipes.states import States
from recipes.toxicity_data import Example, measuring, training

_TARGET = EVALUATORS / "toxicity"
_VERSION = "1"
_HEADS = 4
_WIDTH = 128
_EPOCHS = 3
_FALSE_POSITIVE_RATE = 0.01  # on benign development texts: it sets the threshold


class ToxicityHead(nn.Module):
    """Token states to one logit: each head of attention looks for its own kind of toxic word."""

    def __init__(self, dimension: int = 384) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Dropout(0.1), nn.Linear(dimension, _WIDTH), nn.GELU())
        self.attend = nn.Linear(_WIDTH, _HEADS)
        self.judge = nn.Sequential(
            nn.Dropout(0.3), nn.Linear(_HEADS * _WIDTH + dimension, _WIDTH), nn.GELU(), nn.Linear(_WIDTH, 1)
        )
        self.temperature = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits (texts,) for states (texts, tokens, dimension) and their mask (texts, tokens)."""
        hidden = self.project(states)
        weights = self.attend(hidden).masked_fill(~mask[..., None], -1e4).softmax(dim=1)
        found = torch.einsum("ntk,ntw->nkw", weights, hidden).flatten(1)
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        logits: torch.Tensor = self.judge(torch.cat([found, mean], dim=1)).squeeze(1)
        return logits / self.temperature


class _Served(nn.Module):
    def __init__(self, head: ToxicityHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, token_states: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(
            self.head(token_states[None], torch.ones_like(token_states[None, :, 0], dtype=torch.bool))
        )


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Train, measure and write the toxicity evaluator."""
    examples, groups = training(data), measuring(data)
    states = States("toxicity")
    states.add(example.text for group in [examples, *groups.values()] for example in group)

    random.Random(SEED).shuffle(examples)
    development, rest = examples[:3000], examples[3000:]
    torch.manual_seed(SEED)
    head = ToxicityHead()
    fit(head, rest, lambda batch: _batch(batch, states), epochs=_EPOCHS, rate=1e-3, length=lambda e: len(e.text))
    truth = np.array([example.toxic for example in development])
    head.temperature.fill_(temperature(_logits(head, development, states), truth))
    scores = _scores(head, development, states)
    threshold = round(float(np.quantile(scores[_assistant(development)], 1 - _FALSE_POSITIVE_RATE)), 2)
    threshold = min(max(threshold, 0.5), 0.9)

    _TARGET.mkdir(exist_ok=True)
    export(_Served(head), {"token_states": torch.zeros(7, 384)}, _TARGET / "model.onnx")
    write_toml(
        _TARGET / "evaluator.toml",
        {
            "name": "toxicity",
            "version": _VERSION,
            "kind": "text_classifier",
            "targets": ["input", "output"],
            "encoder": "minilm_l6_v2",
            "scores": "toxic",
            "threshold": threshold,
            "files": {"model.onnx": sha256(_TARGET / "model.onnx")},
        },
    )
    figures = {name: _measure(_scores(head, group, states), group, threshold) for name, group in groups.items()}
    for source in sorted({example.source for example in development}):
        group = [example for example in development if example.source == source]
        figures[f"development: {source}"] = _measure(_scores(head, group, states), group, threshold)
    log_metrics("toxicity", {"threshold": threshold, "temperature": head.temperature.item(), **figures})


def _batch(examples: list[Example], states: States) -> Batch:
    rows = [torch.from_numpy(states[example.text].windows[0].states) for example in examples]
    mask = torch.arange(max(map(len, rows)))[None] < torch.tensor([len(row) for row in rows])[:, None]
    padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return Batch((padded, mask), torch.tensor([float(example.toxic) for example in examples]))


@torch.inference_mode()
def _logits(head: ToxicityHead, examples: list[Example], states: States) -> np.ndarray:
    head.eval()
    batches = (examples[start : start + 64] for start in range(0, len(examples), 64))
    return torch.cat([head(*_batch(batch, states).inputs) for batch in batches]).numpy()


def _scores(head: ToxicityHead, examples: list[Example], states: States) -> np.ndarray:
    return 1 / (1 + np.exp(-_logits(head, examples, states)))


def _assistant(examples: list[Example]) -> np.ndarray:
    """Return which are benign texts to or from an assistant."""
    sources = {"halueval_answer", "halueval_prompt", "banking77", "clinc150"}
    return np.array([example.source in sources for example in examples])


def _measure(scores: np.ndarray, examples: list[Example], threshold: float) -> dict[str, float]:
    truth = np.array([example.toxic for example in examples])
    failed = scores >= threshold
    figures = {"texts": len(truth), "toxic": int(truth.sum())}
    if not truth.all():
        figures["false_positive_rate"] = round(float(failed[~truth].mean()), 4)
    if truth.any():
        figures["recall"] = round(float(failed[truth].mean()), 4)
    if truth.any() and not truth.all():
        figures["roc_auc"] = round(float(roc_auc_score(truth, scores)), 4)
        figures["f1"] = round(float(f1_score(truth, failed)), 4)
    return figures


if __name__ == "__main__":
    main()
