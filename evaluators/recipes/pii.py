"""The quality of the evaluators pii and secrets, and of Presidio if it is installed. Nothing is trained here.

Run: `python -m recipes.pii`. Prints tables in Markdown: spans on Presidio's synthetic texts, by type, and false
positives on benign texts. A span is found where its type and both its ends are right ("exact"), or where it
overlaps one of its type ("overlap").
"""

from __future__ import annotations

import csv
import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from otel_llm.evaluate.definition.manifest import EvaluatorManifest, read_manifest
from otel_llm.evaluate.finding.findings import Finder, Finding, without_overlaps
from otel_llm.evaluate.kinds.loading import load_evaluator
from otel_llm_evaluators.pii.evaluator import TYPES
from recipes.common import DATA_OPTION, EVALUATORS, SEED
from recipes.statistics import estimates

_TECHNICAL = Path(__file__).parents[2] / "tests" / "evaluators" / "technical_texts.txt"
_RESAMPLES = 1000
_PRESIDIO_TEXTS = 200  # at most, of each set of benign texts
_PRESIDIO_THRESHOLD = 0.4  # that presidio-research evaluates with: notebooks/4_Evaluate_Presidio_Analyzer.ipynb
_ALIGNED = {"DOMAIN_NAME": "URL", "GPE": "LOCATION", "STREET_ADDRESS": "LOCATION"}  # as that notebook does
_OWN = {"DOMAIN_NAME": "URL"}

Span = tuple[str, int, int]


class Text(NamedTuple):
    """A text, and the personal data in it."""

    text: str
    spans: frozenset[Span]


class Counts(NamedTuple):
    """Counts of each text: predicted spans, labelled spans, and matches of both, by one way of matching."""

    predicted: NDArray[np.float64]
    labelled: NDArray[np.float64]
    right: NDArray[np.float64]
    found: NDArray[np.float64]


@click.command()
@DATA_OPTION
@click.option("--model", help="A spaCy model that is installed, for Presidio to find names with.")
def main(data: Path, model: str | None) -> None:
    """Print the figures of the model cards of pii and secrets."""
    logging.disable(logging.WARNING)  # Presidio says of each text which labels it knows nothing of
    texts = list(_synthetic(data / "presidio_synth_dataset_v2.json"))
    everything = _load("pii", {"types": TYPES, "names": "names.json.gz"})
    finders = {"pii": _load("pii", None), "pii, all types": everything, "secrets": _load("secrets", None)}
    ours = _predictions(everything, texts, everything.manifest.threshold)
    _table("pii with all types and lists of names, by its own types", texts, ours, _OWN)
    _table("the same, types as Presidio has them", texts, ours, _ALIGNED)
    if find_spec("presidio_analyzer") is None:
        click.echo("\npresidio-analyzer is not installed: pip install 'otel-llm[presidio]' to compare with it")
    else:
        presidio = _load("presidio", {"model": model})
        finders["presidio"] = presidio
        theirs = _predictions(presidio, texts, _PRESIDIO_THRESHOLD)
        both = {kind for spans in theirs for kind, _, _ in spans}
        _table(f"Presidio, {model or 'without a model for names'}", texts, theirs, _ALIGNED)
        _table("pii, what Presidio found any of", texts, ours, _ALIGNED, both)
        _table("Presidio, what it found any of", texts, theirs, _ALIGNED, both)
    _benign(finders, data)


def _load(name: str, options: dict[str, object] | None) -> Finder:
    manifest = read_manifest(EVALUATORS / name / "evaluator.toml", EvaluatorManifest)
    finder = load_evaluator(manifest if options is None else manifest.model_copy(update={"options": options}))
    assert isinstance(finder, Finder)
    return finder


def _synthetic(path: Path) -> Iterator[Text]:
    for entry in json.loads(path.read_text(encoding="utf-8")):
        spans = ((each["entity_type"], each["start_position"], each["end_position"]) for each in entry["spans"])
        yield Text(entry["full_text"], frozenset(spans))


def _predictions(finder: Finder, texts: Sequence[Text], threshold: float) -> list[set[Span]]:
    return [{finding[:3] for finding in _found(finder, text.text, threshold)} for text in texts]


def _found(finder: Finder, text: str, threshold: float) -> list[Finding]:
    return [finding for finding in without_overlaps(finder.find(text)) if finding.confidence >= threshold]


def _table(
    title: str,
    texts: Sequence[Text],
    predictions: Sequence[set[Span]],
    names: dict[str, str],
    only: Iterable[str] = (),
) -> None:
    """Print precision, recall and F1 of each type and of all; types that the set does not label are left out."""
    labelled = [_renamed(text.spans, names) for text in texts]
    kinds = sorted({kind for spans in labelled for kind, _, _ in spans} & (set(only) or set(_kinds(labelled))))
    predicted = [_renamed(spans, names) for spans in predictions]
    click.echo(f"\n{title}\n\n| type | spans | precision, exact | recall, exact | F1, exact | F1, overlap |")
    click.echo("|---|---|---|---|---|---|")
    for kind in (*kinds, None):
        wanted = set(kinds) if kind is None else {kind}
        exact, overlap = (_counts(predicted, labelled, wanted, any_overlap) for any_overlap in (False, True))
        spans = int(exact.labelled.sum())
        cells = [_interval(exact, figure) for figure in (_precision, _recall, _f1)] + [_interval(overlap, _f1)]
        click.echo(f"| {kind or '**all of these**'} | {spans} | " + " | ".join(cells) + " |")


def _kinds(all_spans: Iterable[Iterable[Span]]) -> Iterator[str]:
    return (kind for spans in all_spans for kind, _, _ in spans)


def _renamed(spans: Iterable[Span], names: dict[str, str]) -> set[Span]:
    return {(names.get(kind, kind), start, end) for kind, start, end in spans}


def _counts(
    predicted: Sequence[set[Span]], labelled: Sequence[set[Span]], kinds: set[str], overlap: bool
) -> Counts:
    rows = []
    for mine, theirs in zip(predicted, labelled, strict=True):
        given, wanted = ({span for span in spans if span[0] in kinds} for spans in (mine, theirs))
        rows.append((len(given), len(wanted), _matched(given, wanted, overlap), _matched(wanted, given, overlap)))
    return Counts(*np.array(rows, np.float64).T)


def _matched(spans: set[Span], others: set[Span], overlap: bool) -> int:
    if not overlap:
        return len(spans & others)
    return sum(any(kind == k and start < e and s < end for k, s, e in others) for kind, start, end in spans)


def _precision(counts: Counts) -> NDArray[np.float64]:
    return counts.right / np.maximum(counts.predicted, 1)


def _recall(counts: Counts) -> NDArray[np.float64]:
    return counts.found / np.maximum(counts.labelled, 1)


def _f1(counts: Counts) -> NDArray[np.float64]:
    precision, recall = _precision(counts), _recall(counts)
    return 2 * precision * recall / np.maximum(precision + recall, 1e-12)


def _interval(counts: Counts, figure: object) -> str:
    """Return the figure and its 95 % interval by the percentile bootstrap over texts."""
    assert callable(figure)
    texts = len(counts.predicted)
    weights = _weights(texts)
    value = figure(Counts(*(np.array([column.sum()]) for column in counts)))[0]
    low, high = np.quantile(figure(Counts(*(weights @ column for column in counts))), (0.025, 0.975))
    return f"{value:.3f} ({low:.3f}-{high:.3f})"


@cache
def _weights(texts: int) -> NDArray[np.float64]:
    """Return how often each resample drew each text."""
    drawn = np.random.default_rng(SEED).multinomial(texts, np.full(texts, 1 / texts), _RESAMPLES)
    return drawn.astype(np.float64)


def _benign(finders: dict[str, Finder], data: Path) -> None:
    """Print how many of 1,000 benign texts fail, and how long 1,000 characters take."""
    click.echo("\nbenign texts\n\n| texts | number | evaluator | fail, of 1,000 | µs for 1,000 characters |")
    click.echo("|---|---|---|---|---|")
    for name, texts in _benign_texts(data).items():
        for evaluator, finder in finders.items():
            if evaluator == "presidio":  # it is slow
                texts = texts[:: -(-len(texts) // _PRESIDIO_TEXTS)]  # noqa: PLW2901 - the last of the evaluators
            started = time.perf_counter()
            scores = [max((each.confidence for each in finder.find(text)), default=0.0) for text in texts]
            us = (time.perf_counter() - started) / sum(map(len, texts)) * 1e9
            flagged = [finder.manifest.is_fail(score) for score in scores]
            rate = estimates(scores, [False] * len(texts), flagged)["false_positive_rate"]
            per_1000 = f"{1000 * rate.value:.1f} ({1000 * rate.low:.1f}-{1000 * rate.high:.1f})"
            click.echo(f"| {name} | {len(texts)} | {evaluator} | {per_1000} | {us:.0f} |")


def _benign_texts(data: Path) -> dict[str, list[str]]:
    halueval = _jsonl(data / "halueval_general_data.json")
    clinc = json.loads((data / "clinc150_data_full.json").read_text(encoding="utf-8"))
    summaries = [
        each["summary"] for path in sorted(data.glob("summedits_*.json")) for each in json.loads(path.read_text())
    ]
    bipia = _jsonl(data / "bipia_code_train.jsonl")
    code = [text for each in bipia for part in ("context", "error") if (text := "\n".join(each[part]))]
    with (data / "agnews_test.csv").open(encoding="utf-8", newline="") as file:
        news = [" ".join(row[1:]) for row in csv.reader(file)]
    with (data / "banking77_train.csv").open(encoding="utf-8", newline="") as file:
        banking = [row["text"] for row in csv.DictReader(file)]
    return {
        "answers of an LLM (HaluEval)": [each["chatgpt_response"] for each in halueval],
        "prompts to an LLM (HaluEval)": [each["user_query"] for each in halueval],
        "questions to an assistant (CLINC150)": [text for part in clinc.values() for text, _ in part],
        "questions to a bank (BANKING77)": banking,
        "summaries that LLMs wrote (SummEdits)": list(dict.fromkeys(summaries)),
        "code and its error messages (BIPIA)": code,
        "news (AG News)": news,
        "technical texts": _TECHNICAL.read_text(encoding="utf-8").removesuffix("\n").split("\n%\n"),
    }


def _jsonl(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
