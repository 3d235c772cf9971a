"""The groundedness head: decomposable attention over the frozen encoder's token states, with lexical signals.

Run: `python -m recipes.groundedness`. Caches the states, trains for a few minutes, calibrates and fixes the
threshold on development answers, measures on data sets that it never saw, and writes model.onnx and
evaluator.toml.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from torch import nn
from torch.nn.functional import normalize
from tqdm import tqdm

from otel_llm.evaluate.groundedness import Windowing, compare, read_passages
from otel_llm.evaluate.lexical import SIGNALS
from recipes.common import DATA_OPTION, EVALUATORS, SEED, export, log_metrics, sha256, write_toml
from recipes.fit import Batch, fit, temperature
from recipes.groundedness_data import Answer, measuring, training
from recipes.states import States
from recipes.synthetic import corrupted, facts, spoiled

_TARGET = EVALUATORS / "groundedness"
_VERSION = "1"
_WIDTH = 128
_EPOCHS = 3
_WINDOWING = Windowing(
    max_characters=200_000,
    passage_sentences=3,
    passage_characters=500,
    max_passages=48,
    passages_per_sentence=2,
    max_sentences=30,
)


class Sentence(NamedTuple):
    """One labelled sentence beside its nearest passages, as the head reads it."""

    claim: np.ndarray
    context: np.ndarray
    signals: np.ndarray
    supported: bool
    answer: int
    source: str


class GroundednessHead(nn.Module):
    """Aligns each token of a claim with the context, compares the two, and weighs up what it found."""

    def __init__(self, dimension: int = 384) -> None:
        super().__init__()
        self.attend = nn.Linear(dimension, _WIDTH // 2)
        self.project = nn.Sequential(nn.Dropout(0.1), nn.Linear(dimension, _WIDTH))
        self.compare = nn.Sequential(nn.Linear(4 * _WIDTH + 2, _WIDTH), nn.GELU(), nn.Dropout(0.1))
        self.weigh = nn.Linear(_WIDTH, 1)
        self.judge = nn.Sequential(
            nn.Linear(4 * _WIDTH + 2 + len(SIGNALS), _WIDTH), nn.GELU(), nn.Dropout(0.2), nn.Linear(_WIDTH, 1)
        )
        self.temperature = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(
        self,
        claim: torch.Tensor,
        context: torch.Tensor,
        signals: torch.Tensor,
        claim_mask: torch.Tensor,
        context_mask: torch.Tensor,
    ) -> torch.Tensor:
        """Return logits (sentences,) for padded claims and contexts (sentences, tokens, dimension) and signals."""
        nearness = normalize(claim, dim=-1) @ normalize(context, dim=-1).transpose(1, 2)
        nearness = nearness.masked_fill(~context_mask[:, None], -1.0)
        nearest = nearness.amax(dim=2, keepdim=True)
        sharp = self.attend(claim) @ self.attend(context).transpose(1, 2) / (_WIDTH // 2) ** 0.5
        aligned = sharp.masked_fill(~context_mask[:, None], -1e4).softmax(dim=2)
        mine, theirs = self.project(claim), aligned @ self.project(context)
        read = (aligned * nearness).sum(dim=2, keepdim=True)
        found = self.compare(torch.cat([mine, theirs, mine * theirs, (mine - theirs).abs(), nearest, read], dim=2))
        absent = ~claim_mask[..., None]
        weights = self.weigh(found).masked_fill(absent, -1e4).softmax(dim=1)
        count = claim_mask.sum(1, keepdim=True)
        summary = [
            (weights * found).sum(1),
            found.masked_fill(absent, -1e4).amax(1),
            found.masked_fill(absent, 0).sum(1) / count,
            mine.masked_fill(absent, 0).sum(1) / count,
            nearest.masked_fill(absent, 0).sum(1) / count,
            nearest.masked_fill(absent, 1).amin(1),
            signals,
        ]
        logits: torch.Tensor = self.judge(torch.cat(summary, dim=1)).squeeze(1)
        return logits / self.temperature


class _Served(nn.Module):
    def __init__(self, head: GroundednessHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, claim: torch.Tensor, context: torch.Tensor, signals: torch.Tensor) -> torch.Tensor:
        masks = (torch.ones_like(states[None, :, 0], dtype=torch.bool) for states in (claim, context))
        return torch.sigmoid(self.head(claim[None], context[None], signals[None], *masks))


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Train, measure and write the groundedness evaluator."""
    answers = [*training(data), *facts(3000), *spoiled(data, 2200)]
    answers += corrupted(answers, 5000)
    groups = measuring(data)
    states = States("groundedness")
    states.add(text for group in [answers, *groups.values()] for answer in group for text in _texts(answer))

    development, rest = _split(answers)
    sentences = _sentences(rest, states)
    weights = _weights(sentences)
    torch.manual_seed(SEED)
    head = GroundednessHead()
    fit(
        head,
        sentences,
        lambda batch: _batch(batch)._replace(
            weights=torch.tensor([weights[s.source, s.supported] for s in batch])
        ),
        epochs=_EPOCHS,
        rate=1e-3,
        length=lambda sentence: len(sentence.context),
    )
    known = _sentences(development, states)
    supported = np.array([sentence.supported for sentence in known])
    head.temperature.fill_(temperature(_logits(head, known), supported))
    scores = _scores(head, known)
    threshold = _best_threshold(scores, supported, known)

    _TARGET.mkdir(exist_ok=True)
    shapes = {
        "claim": torch.zeros(5, 384),
        "context": torch.zeros(7, 384),
        "signals": torch.zeros(len(SIGNALS)),
    }
    export(_Served(head), shapes, _TARGET / "model.onnx")
    write_toml(
        _TARGET / "evaluator.toml",
        {
            "name": "groundedness",
            "version": _VERSION,
            "kind": "python",
            "code": "otel_llm.evaluate.groundedness:Groundedness",
            "targets": ["output"],
            "encoder": "minilm_l6_v2",
            "scores": "grounded",
            "threshold": threshold,
            "fails": "below",
            "files": {"model.onnx": sha256(_TARGET / "model.onnx")},
            "options": _WINDOWING.model_dump(),
        },
    )
    figures = {name: _measure_answers(head, group, states, threshold) for name, group in groups.items()}
    for source in sorted({sentence.source for sentence in known}):
        chosen = np.array([sentence.source == source for sentence in known])
        figures[f"development: {source}"] = measure(scores[chosen], supported[chosen], threshold)
    log_metrics("groundedness", {"threshold": threshold, "temperature": head.temperature.item(), **figures})


def _texts(answer: Answer) -> list[str]:
    return [answer.text, *(passage.text for passage in read_passages(answer.text, answer.documents, _WINDOWING))]


def _split(answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Return a tenth for development and the rest; answers with the same documents stay together."""
    documents = sorted({answer.documents for answer in answers})
    chosen = set(random.Random(SEED).sample(documents, len(documents) // 10))
    return [a for a in answers if a.documents in chosen], [a for a in answers if a.documents not in chosen]


def _sentences(answers: Sequence[Answer], states: States) -> list[Sentence]:
    read = []
    for index, answer in enumerate(tqdm(answers, unit="answer", desc="compare")):
        passages = read_passages(answer.text, answer.documents, _WINDOWING)
        if not passages:
            continue
        encodings = {text: states[text] for text in [answer.text, *(passage.text for passage in passages)]}
        for span, supported in answer.supported:
            if comparison := compare(answer.text, span, passages, encodings, _WINDOWING):
                claim, context = comparison.claim.astype(np.float16), comparison.context.astype(np.float16)
                read.append(Sentence(claim, context, comparison.signals, supported, index, answer.source))
    return read


def _weights(sentences: Sequence[Sentence]) -> dict[tuple[str, bool], float]:
    """Return what a sentence counts, so that a source's supported and unsupported ones count alike."""
    counts = Counter((sentence.source, sentence.supported) for sentence in sentences)
    return {
        (source, supported): min((count + counts[source, not supported]) / (2 * count), 3.0)
        for (source, supported), count in counts.items()
    }


def _batch(sentences: Sequence[Sentence]) -> Batch:
    claim, claim_mask = _padded([sentence.claim for sentence in sentences])
    context, context_mask = _padded([sentence.context for sentence in sentences])
    signals = torch.from_numpy(np.stack([sentence.signals for sentence in sentences]))
    wanted = torch.tensor([float(sentence.supported) for sentence in sentences])
    return Batch((claim, context, signals, claim_mask, context_mask), wanted)


def _padded(rows: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.zeros(len(rows), int(lengths.max()), rows[0].shape[1])
    for index, row in enumerate(rows):
        padded[index, : len(row)] = torch.from_numpy(row)
    return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]


@torch.inference_mode()
def _logits(head: GroundednessHead, sentences: Sequence[Sentence]) -> np.ndarray:
    head.eval()
    batches = (sentences[start : start + 64] for start in range(0, len(sentences), 64))
    return torch.cat([head(*_batch(batch).inputs) for batch in batches]).numpy()


def _scores(head: GroundednessHead, sentences: Sequence[Sentence]) -> np.ndarray:
    return 1 / (1 + np.exp(-_logits(head, sentences)))


def _best_threshold(scores: np.ndarray, supported: np.ndarray, sentences: Sequence[Sentence]) -> float:
    """Return the threshold of the best balanced accuracy, averaged over sources."""
    sources = np.array([sentence.source for sentence in sentences])
    groups = [(scores[sources == s], supported[sources == s]) for s in sorted(set(sources))]
    groups = [(s, t) for s, t in groups if t.any() and not t.all()]
    candidates = np.arange(0.2, 0.81, 0.02)
    quality = [np.mean([balanced_accuracy_score(t, s >= value) for s, t in groups]) for value in candidates]
    return round(float(candidates[int(np.argmax(quality))]), 2)


def _measure_answers(
    head: GroundednessHead, answers: Sequence[Answer], states: States, threshold: float
) -> dict[str, float]:
    """Measure whole answers: the worst sentence counts."""
    sentences = _sentences(answers, states)
    worst: dict[int, float] = {}
    for sentence, score in zip(sentences, _scores(head, sentences), strict=True):
        worst[sentence.answer] = min(worst.get(sentence.answer, 1.0), float(score))
    grounded = np.array([answers[index].grounded for index in worst])
    return measure(np.array(list(worst.values())), grounded, threshold)


def measure(scores: np.ndarray, grounded: np.ndarray, threshold: float) -> dict[str, float]:
    """Return the figures of scored answers: a positive of F1 is an ungrounded one."""
    figures = {"count": len(grounded), "grounded": int(grounded.sum())}
    if grounded.any() and not grounded.all():
        failed = scores < threshold
        figures["roc_auc"] = round(float(roc_auc_score(grounded, scores)), 4)
        figures["balanced_accuracy"] = round(float(balanced_accuracy_score(~grounded, failed)), 4)
        figures["f1"] = round(float(f1_score(~grounded, failed)), 4)
        figures["false_alarm_rate"] = round(float(failed[grounded].mean()), 4)
    return figures


if __name__ == "__main__":
    main()
