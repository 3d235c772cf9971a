"""The classifier's head: attention pooling over the frozen encoder's token states."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from recipes.common import SEED, export
from recipes.fit import Batch, fit
from recipes.injection_data import Example
from recipes.states import States

_HEADS = 4
_WIDTH = 128
_EPOCHS = 4


class _Head(nn.Module):
    """Token states to one logit: each head of attention looks for its own kind of telling word."""

    def __init__(self, dimension: int = 384) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Dropout(0.2), nn.Linear(dimension, _WIDTH), nn.GELU())
        self.attend = nn.Linear(_WIDTH, _HEADS)
        self.judge = nn.Sequential(
            nn.Dropout(0.3), nn.Linear(_HEADS * _WIDTH + dimension, _WIDTH), nn.GELU(), nn.Linear(_WIDTH, 1)
        )

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits (texts,) for states (texts, tokens, dimension) and their mask (texts, tokens)."""
        hidden = self.project(states)
        weights = self.attend(hidden).masked_fill(~mask[..., None], -1e4).softmax(dim=1)
        found = torch.einsum("ntk,ntw->nkw", weights, hidden).flatten(1)
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        logits: torch.Tensor = self.judge(torch.cat([found, mean], dim=1)).squeeze(1)
        return logits


class _Served(nn.Module):
    def __init__(self, head: _Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, token_states: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(token_states[None, :, 0], dtype=torch.bool)
        return torch.sigmoid(self.head(token_states[None], mask))


def train(examples: Sequence[Example], path: Path) -> None:
    """Encode the texts, fit a head and write it as ONNX."""
    states = States("injection", threads=1)
    states.add(example.text for example in examples)
    shuffled = list(examples)
    random.Random(SEED).shuffle(shuffled)
    torch.manual_seed(SEED)
    head = _Head()
    fit(
        head,
        shuffled,
        lambda batch: _batch(batch, states),
        epochs=_EPOCHS,
        rate=1e-3,
        length=lambda example: len(example.text),
    )
    export(_Served(head), {"token_states": torch.zeros(7, 384)}, path)


def _batch(examples: list[Example], states: States) -> Batch:
    rows = [torch.from_numpy(states[example.text].windows[0].states) for example in examples]
    mask = torch.arange(max(map(len, rows)))[None] < torch.tensor([len(row) for row in rows])[:, None]
    padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return Batch((padded, mask), torch.tensor([float(example.injection) for example in examples]))
