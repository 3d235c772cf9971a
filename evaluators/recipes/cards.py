"""The figures of a model card: a Markdown table, written between its markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recipes.statistics import Estimate

LIMIT = 1000
"""Rows of one data set that are measured; from a larger one they are drawn."""
_BEGIN, _END = "<!-- measured -->", "<!-- end -->"
_COLUMNS = {
    "roc_auc": "ROC-AUC [interval]",
    "f1": "F1",
    "recall": "recall",
    "false_positive_rate": "false positive rate [interval]",
    "calibration_error": "ECE",
}
_WITH_INTERVAL = {"roc_auc", "false_positive_rate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of one data set."""

    title: str
    rows: int
    positives: int
    left_out: int
    """Records that the training data have, nearly."""
    is_of_training: bool
    """True if other rows of its source were trained on."""
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    float_loss: Estimate | None = None
    """ROC-AUC of the float weights minus that of the shipped ones; None if not measured."""


def report(name: str, threshold: float, measured: Sequence[Measured], sample: int | None) -> str:
    """Return the figures of an evaluator as Markdown."""
    rows = [each for each in measured if each.rows]
    command = f"python -m recipes.measure {name}{f' --sample {sample}' if sample else ''}"
    return "\n".join(
        [
            f"As served, at the threshold {threshold:g}, by `{command}`. A positive is what should fail. In",
            "brackets the interval of 95 % of 1,000 bootstrap resamples, of documents where rows share them. Of a",
            f"larger data set {sample or LIMIT:,} rows were drawn:",
            "",
            f"| data | rows (positives) | {' | '.join(_COLUMNS.values())} |",
            "|---|---|" + "---|" * len(_COLUMNS),
            *(_row(each) for each in rows),
            "",
            *_notes(measured),
            *_float_loss(rows),
        ]
    ).rstrip()


def write(card: Path, text: str) -> None:
    """Put the text between the markers of the model card.

    Raises:
        ValueError: it does not have them once each, in order.
    """
    before, begin, rest = (content := card.read_text(encoding="utf-8")).partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end or content.count(_BEGIN) != 1:
        raise ValueError(f"{card}: must have one line {_BEGIN} and one line {_END} after it: add them")
    card.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", encoding="utf-8")


def _row(each: Measured) -> str:
    title = f"{each.title} †" if each.is_of_training else each.title
    cells = [_cell(each.figures.get(name), name in _WITH_INTERVAL) for name in _COLUMNS]
    return f"| {title} | {each.rows:,} ({each.positives:,}) | {' | '.join(cells)} |"


def _cell(estimate: Estimate | None, with_interval: bool) -> str:
    if estimate is None:
        return ""
    interval = f" [{estimate.low:.3f}, {estimate.high:.3f}]" if with_interval else ""
    return f"{estimate.value:.3f}{interval}"


def _notes(measured: Sequence[Measured]) -> list[str]:
    lines = []
    if any(each.rows and each.is_of_training for each in measured):
        lines.append("† Other rows of this source were trained on. All other sources were kept out whole.")
    if left_out := [f"{each.title} ({each.left_out:,})" for each in measured if each.left_out and each.rows]:
        lines.append(f"Left out as near duplicates of training texts: {', '.join(left_out)}.")
    if gone := [each.title for each in measured if not each.rows]:
        lines.append(f"Trained on, so not measured: {', '.join(gone)}.")
    return [line for each in lines for line in (each, "")]


def _float_loss(measured: Sequence[Measured]) -> list[str]:
    found = {each.title: each.float_loss for each in measured if each.float_loss}
    if not found:
        return []
    worst = max(found, key=lambda title: found[title].value)
    mean = sum(loss.value for loss in found.values()) / len(found)
    return [
        f"Int8 weights lose {mean:.4f} of ROC-AUC against float32 on average over these sets, at most"
        f" {found[worst].value:.4f} [{found[worst].low:.4f}, {found[worst].high:.4f}] ({worst})."
    ]
