"""The classifier's head: a logistic regression over the mean of the frozen encoder's token states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from recipes.common import SEED, export
from recipes.injection_data import Example
from recipes.states import States

_STRENGTH = 3.0  # of the regression: the inverse of its penalty


class _Served(nn.Module):
    def __init__(self, regression: LogisticRegression) -> None:
        super().__init__()
        self.judge = nn.Linear(regression.coef_.shape[1], 1)
        self.judge.weight.data = torch.from_numpy(regression.coef_).float()
        self.judge.bias.data = torch.from_numpy(regression.intercept_).float()

    def forward(self, token_states: torch.Tensor) -> torch.Tensor:
        """Return the probability, (1,), for states (tokens, dimension)."""
        mean = nn.functional.normalize(token_states.mean(dim=0), dim=0)
        return torch.sigmoid(self.judge(mean))


def train(examples: Sequence[Example], path: Path) -> None:
    """Encode the texts, fit a head and write it as ONNX; injections and benign texts count alike."""
    states = States("injection", threads=1)
    states.add(example.text for example in examples)
    values = np.stack([states[example.text].windows[0].pooled for example in examples])
    truth = np.array([example.injection for example in examples])
    regression = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=2000, random_state=SEED)
    export(_Served(regression.fit(values, truth)), {"token_states": torch.zeros(7, values.shape[1])}, path)
