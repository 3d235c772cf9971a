"""The toxicity evaluator: all-MiniLM with a multi-label head, trained whole.

Run: `python -m recipes.toxicity`, an hour on one core. Trains six times, takes the mean of the weights, trains it
a little more on what was written by rule, and calibrates it on development texts. Then `recipes.toxicity_head`
fits the last layer to segments, fixes the threshold, and writes model.onnx, tokenizer.json and evaluator.toml.
What measures it on data that it never saw is `python -m recipes.measure toxicity`.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from otel_llm.evaluate.engine.windows import cut
from recipes.common import DATA_OPTION, SEED, log_metrics
from recipes.finetune import HIDDEN, batches, export, fit, original, padded, tokenizer
from recipes.toxicity_data import training
from recipes.toxicity_examples import LABELS, Example
from recipes.toxicity_head import DEVELOPMENT, TRAINED, finish

_STEPS, _SHORT_STEPS = 1000, 200
_LONG_SHARE = 0.3  # of the long run's weights in the mean
_LEFT_OUT = ((), ("edos",), ("diasafety",), ("wrapped", "rules"), ("davidson",))  # of each of the short runs
_LAST_STEPS, _LAST_SHARE = 200, 0.5  # of the last run, and what its weights count
_OF_RULES = 3  # in the last run, one text in so many is written by rule
_SMOOTHING = 0.98  # of a short run's weights from step to step
_BATCH = 32
_RATE = 2e-4
_OTHERS = 0.3  # what each of the labels but the first counts in the loss
_WINDOW_TOKENS = 60  # of a window that calibrates: in a longer one, a few toxic words are lost among the others
_TRAINED_TOKENS = 112


class ToxicityModel(nn.Module):
    """Token ids to one logit for each label: the mean of the last states, and a linear layer."""

    def __init__(self, attention: str = "sdpa") -> None:
        super().__init__()
        self.encoder = original(attention)
        self.judge = nn.Linear(HIDDEN, len(LABELS))
        nn.init.normal_(self.judge.weight, std=0.02)
        self.temperature = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return logits (texts, labels) for ids and mask (texts, tokens)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask[..., None].to(states.dtype)
        logits: torch.Tensor = self.judge((states * mask).sum(1) / mask.sum(1)) / self.temperature
        return logits


@click.command()
@DATA_OPTION
@click.option("--threads", default=1, show_default=True)
def main(data: Path, threads: int) -> None:
    """Train, calibrate and write the toxicity evaluator."""
    torch.set_num_threads(threads)
    examples = training(data)
    random.Random(SEED).shuffle(examples)
    development, rest = examples[:DEVELOPMENT], examples[DEVELOPMENT:]
    unseen = {example.text for example in development}
    plain = [example for example in training(data, put_together=False) if example.text not in unseen]
    read = tokenizer()
    long = _trained("toxicity", rest, _STEPS, read)
    short = [
        _trained(
            f"toxicity-short-{number}",
            [example for example in plain if example.source not in left_out],
            _SHORT_STEPS,
            read,
            smoothing=_SMOOTHING,
        )
        for number, left_out in enumerate(_LEFT_OUT)
    ]
    model = _finished(_averaged(short, long), plain, read)
    logits = _logits(model, [example.text for example in development], read)
    truth = np.array([example.toxic for example in development])
    slope = LogisticRegression(C=1e6, fit_intercept=False).fit(logits[:, :1], truth).coef_[0, 0]
    model.temperature.fill_(float(1 / slope))
    _export(model)
    log_metrics("toxicity", {"temperature": float(1 / slope), **_labels(logits, development)})
    finish(data)


def _trained(
    name: str,
    examples: Sequence[Example],
    steps: int,
    read: Tokenizer,
    *,
    smoothing: float | None = None,
    start: ToxicityModel | None = None,
) -> ToxicityModel:
    torch.manual_seed(SEED)
    model = start or ToxicityModel()
    order = batches(examples, lambda example: len(example.text), size=_BATCH)[:steps]
    fit(name, model, [order], lambda batch: _loss(model, batch, read), rate=_RATE, smoothing=smoothing)
    return model


def _averaged(short: Sequence[ToxicityModel], long: ToxicityModel) -> ToxicityModel:
    """Return the mean of the models' weights, with the share `_LONG_SHARE` of the long run's.

    The long run learns the data and forgets some of what the encoder knew of other texts. The mean has both: all
    began at the same weights (Wortsman et al. 2022, https://arxiv.org/abs/2203.05482).
    """
    with torch.no_grad():
        for own, *others in zip(long.parameters(), *(model.parameters() for model in short), strict=True):
            own.lerp_(torch.stack(list(others)).mean(dim=0), 1 - _LONG_SHARE)
    return long.eval()


def _finished(model: ToxicityModel, examples: Sequence[Example], read: Tokenizer) -> ToxicityModel:
    """Train a copy a little more, a third of it on what few published texts have: threats, rude words spoken of.

    Returns the mean of both, for the same reason as above.
    """
    written = [example for example in examples if example.source == "rules"]
    others = random.Random(SEED).sample(
        [example for example in examples if example.source != "rules"], (_OF_RULES - 1) * len(written)
    )
    start = copy.deepcopy(model)
    last = _trained("toxicity-last", written + others, _LAST_STEPS, read, smoothing=_SMOOTHING, start=start)
    with torch.no_grad():
        for own, other in zip(model.parameters(), last.parameters(), strict=True):
            own.lerp_(other, _LAST_SHARE)
    return model


def _loss(model: ToxicityModel, examples: Sequence[Example], read: Tokenizer) -> torch.Tensor:
    """Return cross-entropy over the labels that are known."""
    tokens = [read.encode(example.text) for example in examples]
    for each in tokens:
        each.truncate(_TRAINED_TOKENS)
    ids, _, mask = padded(tokens)
    wanted = torch.tensor([[example.labels.get(label, -1.0) for label in LABELS] for example in examples])
    weights = (wanted >= 0).float() * torch.tensor([1.0, *[_OTHERS] * (len(LABELS) - 1)])
    loss = binary_cross_entropy_with_logits(model(ids, mask), wanted.clamp(min=0), weights, reduction="sum")
    return loss / len(examples)


@torch.inference_mode()
def _logits(model: ToxicityModel, texts: Sequence[str], read: Tokenizer) -> np.ndarray:
    """Return logits (texts, labels), of the window that has most of each label."""
    rows = []
    for text in tqdm(texts, unit="text", desc="development", mininterval=20):
        runs = cut(read, text, max_tokens=_WINDOW_TOKENS, max_windows=len(text) + 2)
        windows = [padded([read.encode(text[slice(*run.span)])]) for run in runs]
        rows.append(np.stack([model(ids, mask)[0].numpy() for ids, _, mask in windows]).max(axis=0))
    return np.stack(rows)


def _labels(logits: np.ndarray, examples: Sequence[Example]) -> dict[str, str]:
    """Return each label's ROC-AUC among the examples that have it, or have it not, for sure."""
    figures = {}
    for index, label in enumerate(LABELS):
        known = [
            (logit, e.labels[label] >= 0.5)
            for logit, e in zip(logits[:, index], examples, strict=True)
            if label in e.labels
        ]
        wanted = [has for _, has in known]
        if any(wanted) and not all(wanted):
            auc = roc_auc_score(wanted, [logit for logit, _ in known])
            figures[label] = f"ROC-AUC {auc:.3f}, {sum(wanted)} of {len(wanted)}"
    return figures


def _export(model: ToxicityModel) -> None:
    exported = ToxicityModel("eager")
    exported.load_state_dict(model.state_dict())
    ids = torch.randint(1000, 2000, (1, 9), generator=torch.Generator().manual_seed(0))
    TRAINED.parent.mkdir(exist_ok=True)
    export(exported, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, "logits", TRAINED)


if __name__ == "__main__":
    main()
