"""Evaluators as they are served, measured on data sets that nothing was trained on.

Run: `python -m recipes.measure [toxicity groundedness …] [--sample N] [--card]`. Trains nothing: the weights,
rules and thresholds of the installed evaluators are what counts. Scores are kept in `work/`, so an interrupted
run goes on where it stopped.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from recipes import cards
from recipes.cards import LIMIT, Measured
from recipes.common import DATA_OPTION, EVALUATORS, SEED, log_metrics
from recipes.dedupe import without_near_duplicates
from recipes.measuring_sets import MATERIAL, Material
from recipes.record import Record
from recipes.scoring import Scores, has_float_weights, key, score, served
from recipes.statistics import auc_difference, estimates


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MATERIAL)))
@DATA_OPTION
@click.option("--sample", type=click.IntRange(1), help="Records of each data set, for a quick look.")
@click.option("--card", is_flag=True, help="Write the table into the model card.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1))
def main(names: Sequence[str], data: Path, sample: int | None, card: bool, processes: int) -> None:
    """Print the figures of the model cards, of all evaluators that there are data sets for."""
    if card and sample:
        raise click.UsageError("--card: must be of all records: leave out --sample")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in names or MATERIAL:
        measured = _measure(name, data, sample or LIMIT, processes)
        text = cards.report(name, served(name).evaluator.manifest.threshold, measured, sample)
        log_metrics(f"measure {name}", {each.title: asdict(each) for each in measured})
        click.echo(f"\n## {name}\n\n{text}\n")
        if card:
            cards.write(EVALUATORS / name / "MODEL_CARD.md", text)


def _measure(name: str, data: Path, limit: int, processes: int) -> list[Measured]:
    samples = _samples(MATERIAL[name], data, limit)
    records = [record for sample in samples for record in sample.records]
    scores = score(name, records, processes=processes)
    floats: Scores = {}
    if has_float_weights(name):
        paired = [record for sample in samples if sample.has_both for record in sample.records]
        floats = score(name, paired, as_float=True, processes=processes)
    manifest = served(name).evaluator.manifest
    return [_measured(sample, manifest, scores, floats) for sample in samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """The figures of a data set."""

    title: str
    records: Sequence[Record]
    left_out: int
    is_of_training: bool

    @property
    def has_both(self) -> bool:
        return len({record.positive for record in self.records}) == 2


def _samples(material: Material, data: Path, limit: int) -> list[_Sample]:
    """Return the records that the training data lack, each once; a sample of a large data set."""
    sets, trained = material.sets(data), material.trained(data)
    distinct = {
        title: list({key(record): record for record in each.records if record.text.strip()}.values())
        for title, each in sets.items()
    }
    flat = [(title, record) for title, records in distinct.items() for record in records]
    kept: dict[str, list[Record]] = {title: [] for title in sets}
    for index in without_near_duplicates([record.text for _, record in flat], trained.texts):
        title, record = flat[index]
        kept[title].append(record)
    samples = []
    for title, records in kept.items():
        total, left_out = len(distinct[title]), len(distinct[title]) - len(records)
        sample = random.Random(SEED).sample(records, min(limit, len(records)))
        # where much of it is known, the rest is of a kind with that
        is_of_training = left_out > 0.1 * total or sets[title].is_of(trained.sources)
        samples.append(_Sample(title=title, records=sample, left_out=left_out, is_of_training=is_of_training))
    return samples


def _measured(sample: _Sample, manifest: EvaluatorManifest, scores: Scores, floats: Scores) -> Measured:
    rows = [(record, found) for record in sample.records if (found := scores[key(record)]) is not None]
    positive, groups = [record.positive for record, _ in rows], [record.group or key(record) for record, _ in rows]
    found = [score for _, score in rows]
    # below: what was kept is 1 - score, and a score at the threshold passes
    flagged = [s >= manifest.threshold if manifest.fails == "above" else 1 - s < manifest.threshold for s in found]
    loss = None
    if floats and sample.has_both:
        others = [other for record, _ in rows if (other := floats[key(record)]) is not None]
        loss = auc_difference(others, found, positive, groups=groups)
    return Measured(
        title=sample.title,
        rows=len(rows),
        positives=sum(positive),
        left_out=sample.left_out,
        is_of_training=sample.is_of_training,
        figures=estimates(found, positive, flagged, groups=groups) if rows else {},
        float_loss=loss,
    )


if __name__ == "__main__":
    main()
