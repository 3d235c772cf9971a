"""The data that measure an evaluator, and its training data.

A data set that was trained on measures nothing. `recipes.measure` leaves out each record that the training data
have, nearly or in the same words, marks the sets whose source they have, and says so; a source may move from
measuring to training without a change here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from recipes import (
    groundedness_data,
    groundedness_sets,
    injection_data,
    injection_sets,
    toxicity_data,
    toxicity_sets,
)
from recipes.record import DataSet, Record


@dataclass(frozen=True, slots=True)
class Trained:
    """The training data of an evaluator."""

    texts: list[str]
    """Texts, as of `Record.text`."""
    sources: set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The data of one evaluator, read from the data folder."""

    sets: Callable[[Path], Mapping[str, DataSet]]
    """Measuring sets, by the title in the model card."""
    trained: Callable[[Path], Trained]


def _toxicity(data: Path) -> Trained:
    examples = toxicity_data.training(data)
    return Trained([example.text for example in examples], {example.source for example in examples})


def _groundedness(data: Path) -> Trained:
    answers = groundedness_data.training(data)
    records = [Record(positive=False, output=answer.text, documents=answer.documents) for answer in answers]
    return Trained([record.text for record in records], {answer.source for answer in answers})


def _prompt_injection(data: Path) -> Trained:
    examples = injection_data.training(data)
    return Trained(
        [injection_sets.record(example).text for example in examples], {example.source for example in examples}
    )


MATERIAL: Mapping[str, Material] = {
    "toxicity": Material(sets=toxicity_sets.sets, trained=_toxicity),
    "groundedness": Material(sets=groundedness_sets.sets, trained=_groundedness),
    "prompt_injection": Material(sets=injection_sets.sets, trained=_prompt_injection),
}
"""Data by the evaluator's name."""
