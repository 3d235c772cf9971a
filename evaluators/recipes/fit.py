"""Training of a head on cached states: batches by length, AdamW, one cycle, a progress bar."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from tqdm import tqdm

from recipes.common import SEED

_BATCH = 64
_POOL = 32  # batches that are sorted by length together, so that little is padded and order stays random

T = TypeVar("T")


class Batch(NamedTuple):
    """What the model takes, and the wanted probabilities."""

    inputs: tuple[torch.Tensor, ...]
    wanted: torch.Tensor
    weights: torch.Tensor | None = None


def fit(
    model: nn.Module,
    examples: Sequence[T],
    collate: Callable[[list[T]], Batch],
    *,
    epochs: int,
    rate: float,
    length: Callable[[T], int],
) -> None:
    """Train the model, whose output is logits, by binary cross-entropy."""
    steps = epochs * -(-len(examples) // _BATCH)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + epochs * _POOL)
    shuffle = random.Random(SEED)
    model.train()
    with tqdm(total=epochs * len(examples), unit="example", desc="train") as progress:
        for _ in range(epochs):
            for batch in _batches(examples, length, shuffle):
                inputs, wanted, weights = collate(batch)
                loss = nn.functional.binary_cross_entropy_with_logits(model(*inputs), wanted, weights)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                progress.update(len(batch))
                progress.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return what to divide logits by, so that their sigmoid is a probability on these texts."""
    slope = LogisticRegression(C=1e6, fit_intercept=False).fit(logits[:, None], truth).coef_[0, 0]
    return float(1 / slope)


def _batches(examples: Sequence[T], length: Callable[[T], int], shuffle: random.Random) -> list[list[T]]:
    order = list(examples)
    shuffle.shuffle(order)
    batches = []
    for start in range(0, len(order), _BATCH * _POOL):
        pool = sorted(order[start : start + _BATCH * _POOL], key=length)
        batches += [pool[first : first + _BATCH] for first in range(0, len(pool), _BATCH)]
    shuffle.shuffle(batches)
    return batches
