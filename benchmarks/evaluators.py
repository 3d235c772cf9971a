"""Texts per second of the encoder, of each evaluator and of drift, on one thread.

Run: `python benchmarks/evaluators.py`. The texts are those of the evaluators' own cases, joined to lengths as
calls have them, from a short question to a page. The encoder is paired with the usual way of batching, every
text padded to one fixed length: both run in this process, in turns, on the same texts, so that the ratio
holds on a machine that is busy.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

import click
import numpy as np
from tokenizers import Tokenizer

from otel_llm.evaluate.drift import MmdDrift
from otel_llm.evaluate.encoder import Encoder
from otel_llm.evaluate.evaluator import Evaluator, load_evaluators
from otel_llm.evaluate.manifest import encoder_manifest
from otel_llm.evaluate.runtime import session
from otel_llm.receive.call import Call, Message, Part

_SEED: Final = 20
_BATCH: Final = 16
_SENTENCES: Final = (1, 1, 1, 2, 2, 4, 8)  # of a text: mostly short, some long


@click.command()
@click.option("--texts", default=64, show_default=True, help="Texts in one round.")
@click.option("--rounds", default=3, show_default=True, help="Rounds; the median is printed.")
def main(texts: int, rounds: int) -> None:
    """Print texts per second on one thread."""
    evaluators = load_evaluators(None)
    encoder = Encoder(encoder_manifest("minilm_l6_v2"))
    chosen = _texts(evaluators, texts)
    padded = _Padded(encoder)
    pairs = [
        (_seconds(lambda: encoder.encode(chosen)), _seconds(lambda: padded.encode(chosen))) for _ in range(rounds)
    ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(other / own for own, other in pairs)
    tokens = statistics.mean(len(encoder.encode([text])[text].states) for text in chosen)

    click.echo(f"{texts} texts of {tokens:.0f} tokens on average, median of {rounds} rounds, one thread\n")
    click.echo(f"{'':<44}{'texts/s':>10}")
    _row("encoder", texts / ours)
    _row(f"every text padded to {padded.length} tokens, batches of {_BATCH}", texts / theirs)
    for evaluator in evaluators:
        _row(
            f"{evaluator.manifest.name}, after the encoder", texts / _evaluator_seconds(evaluator, encoder, chosen)
        )
    _row("drift, after the encoder", texts / _drift_seconds(encoder, chosen))
    click.echo(f"\nthe encoder is {ratio:.1f} times as fast as with padding")


class _Padded:
    """The usual way: the same weights, every text cut or padded to one length."""

    def __init__(self, encoder: Encoder) -> None:
        manifest = encoder.manifest
        self.length = manifest.max_tokens
        self._tokenizer = Tokenizer.from_file(str(manifest.path("tokenizer.json")))
        self._tokenizer.enable_truncation(self.length)
        self._tokenizer.enable_padding(length=self.length)
        self._session = session(manifest.path("encoder.onnx"))

    def encode(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), _BATCH):
            tokens = self._tokenizer.encode_batch(list(texts[start : start + _BATCH]))
            inputs = {
                "input_ids": np.array([row.ids for row in tokens], dtype=np.int64),
                "attention_mask": np.array([row.attention_mask for row in tokens], dtype=np.int64),
            }
            self._session.run(None, inputs)


def _texts(evaluators: Sequence[Evaluator], count: int) -> list[str]:
    sentences = []
    for evaluator in evaluators:
        lines = (evaluator.manifest.folder / "cases.jsonl").read_text(encoding="utf-8").splitlines()
        cases = [json.loads(line) for line in lines]
        sentences += [
            text for case in cases for text in (*case.get("documents", ()), case.get("output", "")) if text.strip()
        ]
    choose = random.Random(_SEED)
    # numbered, so that no two are the same: each distinct text is encoded once
    return [
        f"{number}. {' '.join(choose.choices(sentences, k=choose.choice(_SENTENCES)))}" for number in range(count)
    ]


def _calls(texts: Sequence[str]) -> list[Call]:
    documents = tuple(texts[:3])
    return [
        Call(
            trace_id=f"{number:032x}",
            span_id=f"{number:016x}",
            service="benchmark",
            operation="chat",
            provider="none",
            request_model="none",
            output=(Message("assistant", (Part("text", text),)),),
            documents=documents,
            start_ns=0,
            duration_s=0,
        )
        for number, text in enumerate(texts)
    ]


def _evaluator_seconds(evaluator: Evaluator, encoder: Encoder, texts: Sequence[str]) -> float:
    calls = _calls(texts)
    encodings = encoder.encode(text for call in calls for text in evaluator.texts(call))
    return _seconds(lambda: [evaluator.evaluate(call, encodings) for call in calls])


def _drift_seconds(encoder: Encoder, texts: Sequence[str]) -> float:
    pooled = [encoding.pooled for encoding in encoder.encode(texts).values()]
    drift = MmdDrift(window=100, false_alarm_rate=0.01, reference_size=len(pooled))
    for embedding in pooled:
        drift.update(embedding)
    return _seconds(lambda: [drift.update(embedding) for embedding in pooled])


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _row(name: str, rate: float) -> None:
    click.echo(f"{name:<44}{rate:>10.0f}")


if __name__ == "__main__":
    main()
