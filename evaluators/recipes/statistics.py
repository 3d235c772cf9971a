"""The quality of scores, each figure with its interval; on numpy alone.

An interval is the percentile bootstrap's (Efron and Tibshirani 1993, chapter 13). A resample is a weight for each
row: how often it was drawn. So the rows are sorted once, and every figure of many resamples is a sum or a
cumulated sum.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SEED = 20
_CELLS = 2_000_000  # rows times resamples that are held at once
_CONFIDENCE = 0.95
_BINS = 15  # of the calibration error

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and the interval that holds 95 % of its bootstrap resamples."""

    value: float
    low: float
    high: float


def estimates(
    scores: ArrayLike,
    positive: ArrayLike,
    flagged: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    resamples: int = 1000,
) -> dict[str, Estimate]:
    """Return the figures by name; with a single class, without those that need both.

    `roc_auc`, `average_precision`, `f1`, `balanced_accuracy`, `recall`, `precision`, `false_positive_rate`,
    `calibration_error` (expected, in bins of equal mass; it is never negative, so of few rows it and its interval
    lie too high) and `brier`. Of a rate that is 0 or 1 every resample is alike: there the interval is the exact
    one of Clopper and Pearson (1934), as if each group were one row.

    Args:
        scores: the probability that a row is positive.
        positive: whether it is.
        flagged: whether the score was high enough, at the threshold that is served.
        groups: what rows have in common, such as their document: groups are drawn, not rows.
        resamples: how many.
    """
    rows = _Rows(np.asarray(scores, np.float64), np.asarray(positive, bool), np.asarray(flagged, bool))
    weights = _weights(len(rows.scores), groups, resamples)
    drawn = [rows.figures(some) for some in weights]
    found = {}
    for name, value in rows.figures(np.ones((1, len(rows.scores)))).items():
        if not np.isnan(value[0]):
            found[name] = _estimate(float(value[0]), np.concatenate([figures[name] for figures in drawn]))
    for name, among in (("recall", rows.positive), ("false_positive_rate", ~rows.positive)):
        if name in found and found[name].value in {0.0, 1.0}:
            found[name] = _certain(found[name].value, _distinct(groups, among))
    return found


def auc_difference(
    scores: ArrayLike,
    others: ArrayLike,
    positive: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    resamples: int = 1000,
) -> Estimate:
    """Return the ROC-AUC of `scores` minus that of `others`, on the same rows in each resample."""
    truth = np.asarray(positive, bool)
    sides = [_Rows(np.asarray(side, np.float64), truth, truth) for side in (scores, others)]

    def difference(weights: _Floats) -> _Floats:
        first, second = (side.roc_auc(weights) for side in sides)
        return first - second

    drawn = [difference(some) for some in _weights(len(truth), groups, resamples)]
    return _estimate(float(difference(np.ones((1, len(truth))))[0]), np.concatenate(drawn))


class _Rows:
    """Rows in the order of their scores, and each figure for many weightings (resamples, rows) of them at once."""

    def __init__(self, scores: _Floats, positive: NDArray[np.bool_], flagged: NDArray[np.bool_]) -> None:
        if not len(scores) or not len(scores) == len(positive) == len(flagged):
            raise ValueError(f"scores: must be as many as labels, got {len(scores)} and {len(positive)}")
        if not (np.isfinite(scores) & (scores >= 0) & (scores <= 1)).all():
            raise ValueError("scores: must be probabilities, in [0, 1]")
        self.positive = positive
        self._order = np.argsort(scores, kind="stable")
        self.scores, self._truth, fails = scores[self._order], positive[self._order], flagged[self._order]
        truth = self._truth
        self._starts = np.flatnonzero(np.diff(self.scores, prepend=-1.0))  # of each distinct score
        outcomes = (truth & fails, truth & ~fails, ~truth & fails, ~truth & ~fails)
        self._outcomes = np.stack(outcomes, axis=1).astype(np.float64)
        # rows of the same score share a bin, or the error would depend on the order in which they came
        self._bins = self._starts[np.flatnonzero(np.diff(self._starts * _BINS // len(scores), prepend=-1))]

    def figures(self, weights: _Floats) -> dict[str, _Floats]:
        """Return each figure's value for each weighting; nan if undefined."""
        tp, fn, fp, tn = (weights[:, self._order] @ self._outcomes).T
        with np.errstate(invalid="ignore", divide="ignore"):
            recall, fallout = tp / (tp + fn), fp / (fp + tn)
            return {
                "roc_auc": self.roc_auc(weights),
                "average_precision": self._average_precision(weights),
                "f1": np.where((tp + fn > 0) & (fp + tn > 0), 2 * tp / (2 * tp + fp + fn), np.nan),
                "balanced_accuracy": (recall + 1 - fallout) / 2,
                "recall": recall,
                # without a positive row, or without a flagged one, it says nothing
                "precision": np.where(tp + fn > 0, tp / (tp + fp), np.nan),
                "false_positive_rate": fallout,
                "calibration_error": self._calibration_error(weights),
                "brier": weights[:, self._order] @ (self.scores - self._truth) ** 2 / weights.sum(1),
            }

    def roc_auc(self, weights: _Floats) -> _Floats:
        """Return the share of pairs of a positive and a negative in the right order; a tie counts half."""
        positives, negatives = self._by_score(weights)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        with np.errstate(invalid="ignore"):
            share: _Floats = (positives * below).sum(1) / (positives.sum(1) * negatives.sum(1))
        return share

    def _average_precision(self, weights: _Floats) -> _Floats:
        positives, negatives = (side[:, ::-1] for side in self._by_score(weights))
        found = np.cumsum(positives, axis=1)
        flagged = found + np.cumsum(negatives, axis=1)
        gain = positives * np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)
        with np.errstate(invalid="ignore"):
            # of positives alone it is 1 whatever the scores are
            return np.where(negatives.sum(1) > 0, gain.sum(1) / positives.sum(1), np.nan)

    def _by_score(self, weights: _Floats) -> tuple[_Floats, _Floats]:
        ordered = weights[:, self._order]
        positives = np.add.reduceat(ordered * self._truth, self._starts, axis=1)
        return positives, np.add.reduceat(ordered, self._starts, axis=1) - positives

    def _calibration_error(self, weights: _Floats) -> _Floats:
        excess = np.add.reduceat(weights[:, self._order] * (self._truth - self.scores), self._bins, axis=1)
        error: _Floats = np.abs(excess).sum(1) / weights.sum(1)
        return error


def _weights(rows: int, groups: Sequence[Hashable] | None, resamples: int) -> Iterator[_Floats]:
    """Yield how often each row was drawn, (some resamples, rows): the same for the same seed and groups."""
    numbers: Mapping[Hashable, int] = {group: number for number, group in enumerate(dict.fromkeys(groups or ()))}
    member = np.array([numbers[group] for group in groups]) if groups is not None else np.arange(rows)
    count = int(member.max()) + 1
    random = np.random.default_rng(_SEED)
    while resamples > 0:
        some = min(resamples, max(1, _CELLS // rows))
        drawn = random.integers(count, size=(some, count)) + np.arange(some)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=some * count).reshape(some, count)[:, member].astype(np.float64)
        resamples -= some


def _estimate(value: float, drawn: _Floats) -> Estimate:
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(drawn[~np.isnan(drawn)], [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def _certain(value: float, count: int) -> Estimate:
    """Return the estimate of a rate of 0 or 1 over `count` rows."""
    reach = 1 - ((1 - _CONFIDENCE) / 2) ** (1 / count)
    return Estimate(value, 0.0, reach) if value == 0.0 else Estimate(value, 1 - reach, 1.0)


def _distinct(groups: Sequence[Hashable] | None, among: NDArray[np.bool_]) -> int:
    if groups is None:
        return int(among.sum())
    return len({group for group, counts in zip(groups, among, strict=True) if counts})
