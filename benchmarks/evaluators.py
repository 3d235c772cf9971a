"""How fast the evaluators are on one thread, beside torch, and how much memory they take: all in one run.

    python benchmarks/evaluators.py [--rounds 7] [--texts 32] [--python PYTHON] [--no-torch]

The torch side (`evaluators_torch.py`) runs in an environment of its own, made at the first run, or by the given
interpreter that has torch and transformers. Both sides do the same work in turns, in random order; ratios are
medians over the rounds of each round's own ratio, with their quartiles, so that they hold on a machine that is
busy. Prints the table of docs/benchmarks.md.

- 128 tokens: texts of 128 tokens, for toxicity. Torch: BERT-base with six labels, Detoxify's architecture, at the
  batch size that was its best of 1, 8 and 32.
- mixed lengths: texts of one to eight sentences, for toxicity; the other side is our own model with every text
  cut or padded to 128 tokens, the usual way.
- whole set: one call after the other of 1 kB of messages and 2 kB of context. We run all that is installed, and
  drift. Torch: BERT-base (toxicity) on input and output, DeBERTa-v3-base (prompt injection) on input and the
  four documents, a cross-encoder of its size on each sentence of the answer with two passages, MiniLM embeddings
  of input and output. Nothing is counted there for personal data and secrets.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click
import numpy as np
from evaluators_calls import as_call, long, mixed, one_call
from evaluators_peer import HERE, ONE_THREAD, Torch
from tokenizers import Tokenizer

from otel_llm.config.cache import cache_folder
from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.engine.runtime import session
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.evaluate.run.pipeline import Pipeline

_PADDED_TOKENS: Final = 128
_BATCHES: Final = (1, 8, 32)
_STARTS: Final = 5


class Side(NamedTuple):
    """One line of the table: what both sides did, and how fast."""

    what: str
    ours: float
    theirs: float
    ratios: tuple[float, float, float]
    """First quartile, median, third quartile."""


@click.command()
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(2))
@click.option("--texts", default=32, show_default=True, type=click.IntRange(1), help="Texts in a round.")
@click.option("--calls", default=200, show_default=True, help="Calls after which memory is read again.")
@click.option(
    "--python", type=click.Path(exists=True, path_type=Path), help="Interpreter with torch, transformers."
)
@click.option("--environments", default=cache_folder() / "benchmarks", type=click.Path(path_type=Path))
@click.option("--torch/--no-torch", default=True, help="Without: our own figures alone.")
def main(*, rounds: int, texts: int, calls: int, python: Path | None, environments: Path, torch: bool) -> None:
    """Print the figures as Markdown."""
    random.seed(0)
    encoder = Encoder(encoder_manifest("minilm_l6_v2"))
    (toxicity,) = load_evaluators(["toxicity"])
    sides = [_mixed_lengths(toxicity, encoder, texts, rounds)]
    torch_mib = None
    if torch:
        with Torch(python, environments, encoder.manifest.path("tokenizer.json")) as peer:
            sides += [_full_window(toxicity, encoder, peer, texts, rounds), _whole_set(peer, rounds)]
            torch_mib = peer.memory_mib
    click.echo(f"{rounds} rounds of {texts} texts or one call, one thread:\n")
    click.echo("| per second | otel-llm | other | ratio (quartiles) |\n|---|---|---|---|")
    for side in sides:
        low, middle, high = side.ratios
        click.echo(
            f"| {side.what} | {side.ours:.1f} | {side.theirs:.1f} | {middle:.1f} ({low:.1f} to {high:.1f}) |"
        )
    _print_starts([_start(calls) for _ in range(min(_STARTS, rounds))], calls, torch_mib)


def _full_window(toxicity: Evaluator, encoder: Encoder, peer: Torch, count: int, rounds: int) -> Side:
    tokenizer = Tokenizer.from_file(str(encoder.manifest.path("tokenizer.json")))
    every = [_cut(text, tokenizer, encoder.manifest.max_tokens - 2) for text in long(count * rounds)]
    chosen = every[:count]
    own = _parts(every, count)
    peer.seconds("toxicity", texts=chosen[:1])
    batch = min(_BATCHES, key=lambda size: peer.seconds("toxicity", texts=chosen, batch=size))
    return _in_turns(
        f"toxicity, texts of 128 tokens; other: BERT-base in torch, batches of {batch}",
        lambda: _seconds(lambda: _evaluate(toxicity, encoder, next(own))),
        lambda: peer.seconds("toxicity", texts=chosen, batch=batch),
        count,
        rounds,
    )


def _mixed_lengths(toxicity: Evaluator, encoder: Encoder, count: int, rounds: int) -> Side:
    chosen, padded = mixed(count * rounds), _Padded(toxicity)
    own, other = _parts(chosen, count), _parts(chosen, count)
    return _in_turns(
        f"toxicity, mixed lengths; other: the same, padded to {_PADDED_TOKENS} tokens",
        lambda: _seconds(lambda: _evaluate(toxicity, encoder, next(own))),
        lambda: _seconds(lambda: padded.evaluate(next(other))),
        count,
        rounds,
    )


def _whole_set(peer: Torch, rounds: int) -> Side:
    # no text is kept: each call here has its own, as far as it is not by chance one of another's documents
    pipeline = Pipeline.load(EvaluateSettings(cache_bytes=0))
    calls = [one_call(number) for number in range(rounds + 1)]
    peer.seconds("set", call=calls[-1])
    pipeline.evaluate([as_call(calls[-1], rounds)])
    numbers = {"ours": iter(range(rounds)), "theirs": iter(range(rounds))}

    def ours() -> float:
        number = next(numbers["ours"])
        call = as_call(calls[number], number)
        return _seconds(lambda: pipeline.evaluate([call]))

    return _in_turns(
        "whole default set, calls; other: separate models in torch",
        ours,
        lambda: peer.seconds("set", call=calls[next(numbers["theirs"])]),
        1,
        rounds,
    )


def _in_turns(what: str, ours: Callable[[], float], theirs: Callable[[], float], count: int, rounds: int) -> Side:
    """Return the rates of both sides, which work one after the other in each round, in random order."""
    click.echo(f"{what} ...", err=True)
    work: Mapping[str, Callable[[], float]] = {"ours": ours, "theirs": theirs}
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(rounds):
        for side in random.sample(sorted(work), 2):
            seconds[side].append(work[side]())
    ratios = [other / own for own, other in zip(seconds["ours"], seconds["theirs"], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    own, other = (count / statistics.median(seconds[side]) for side in ("ours", "theirs"))
    return Side(what, own, other, (low, middle, high))


class _Padded:
    """The usual way: the same weights, every text cut or padded to one length."""

    def __init__(self, evaluator: Evaluator) -> None:
        manifest = evaluator.manifest
        self._tokenizer = Tokenizer.from_file(str(manifest.path("tokenizer.json")))
        self._tokenizer.enable_truncation(_PADDED_TOKENS)
        self._tokenizer.enable_padding(length=_PADDED_TOKENS)
        self._session = session(manifest.path("model.onnx"))

    def evaluate(self, texts: Sequence[str]) -> None:
        for text in texts:
            tokens = self._tokenizer.encode(text)
            inputs = {
                "input_ids": np.array([tokens.ids], dtype=np.int64),
                "attention_mask": np.array([tokens.attention_mask], dtype=np.int64),
            }
            self._session.run(None, inputs)


def _parts(texts: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    """Yield other texts for each round: a repeated one is remembered."""
    return (texts[start : start + count] for start in range(0, len(texts), count))


def _evaluate(evaluator: Evaluator, encoder: Encoder, texts: Sequence[str]) -> None:
    calls = [as_call({"output": text}, 0) for text in texts]
    encodings = encoder.encode(text for call in calls for text in evaluator.texts(call))
    for call in calls:
        evaluator.evaluate(call, encodings)


def _cut(text: str, tokenizer: Tokenizer, tokens: int) -> str:
    """Return the text cut to so many tokens, of which it has more."""
    return text[: tokenizer.encode(text, add_special_tokens=False).offsets[tokens - 1][1]]


class _Start(NamedTuple):
    """A fresh process: seconds to its first result, and MiB once loaded and after some calls."""

    seconds: float
    loaded_mib: float
    after_mib: float


def _start(calls: int) -> _Start:
    started = time.perf_counter()
    command = [sys.executable, HERE / "evaluators_start.py", str(calls)]
    with subprocess.Popen(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - started
        last = process.stdout.readline()
    if process.returncode != 0:
        raise SystemExit(f"evaluators_start.py: exit status {process.returncode}; see above")
    return _Start(seconds, json.loads(first)["loaded_mib"], json.loads(last)["after_mib"])


def _print_starts(starts: Sequence[_Start], calls: int, torch_mib: float | None) -> None:
    seconds, loaded, after = (statistics.median(column) for column in zip(*starts, strict=True))
    click.echo(f"\nFrom the start of a process to its first result, whole default set: {seconds:.2f} s.")
    click.echo(f"Resident memory, loaded: {loaded:.0f} MiB; after {calls} calls: {after:.0f} MiB.")
    if torch_mib is not None:
        click.echo(f"The torch side's process at its end: {torch_mib:.0f} MiB.")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
