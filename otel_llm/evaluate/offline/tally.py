"""Counts of results, taken as they come, in bounded memory."""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, get_args

from otel_llm.evaluate.definition.result import Label, Target
from otel_llm.evaluate.offline.records import RecordResult

Fails = Literal["above", "below"]

_BINS: Final = 1000  # bins of the histogram: the median is exact to 0.0005


class Scores:
    """Count, sum and histogram of scores in [0, 1]."""

    def __init__(self) -> None:
        self.count = 0
        self.least = math.inf
        self.most = -math.inf
        self._sum = 0.0
        self._bins = array("Q", bytes(8 * (_BINS + 1)))

    def add(self, score: float) -> None:
        """Count a score."""
        self.count += 1
        self.least = min(self.least, score)
        self.most = max(self.most, score)
        self._sum += score
        self._bins[round(min(max(score, 0.0), 1.0) * _BINS)] += 1

    def merge(self, other: Scores) -> None:
        """Add the scores of another row."""
        self.count += other.count
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        self._sum += other._sum
        for index, count in enumerate(other._bins):
            self._bins[index] += count

    @property
    def mean(self) -> float:
        """Mean of the scores; NaN without a score."""
        return self._sum / self.count if self.count else math.nan

    @property
    def median(self) -> float:
        """Median of the scores, exact to 0.0005; of two in the middle the lower one; NaN without a score."""
        below = 0
        for index, count in enumerate(self._bins):
            below += count
            if 2 * below >= self.count > 0:
                return index / _BINS
        return math.nan


class Row:
    """One evaluator's results on one side of all records."""

    def __init__(self, fails: Fails, keep: int) -> None:
        self.labels: dict[Label, int] = dict.fromkeys(get_args(Label), 0)
        self.scores = Scores()
        self.first_error: RecordResult | None = None
        self._fails = fails
        self._keep = keep
        self._worst: list[tuple[float, int, RecordResult]] = []

    def add(self, result: RecordResult) -> None:
        """Count a result."""
        self.labels[result.label] += 1
        if result.label == "error":
            self.first_error = self.first_error or result
        if result.score is not None:
            self.scores.add(result.score)
            if result.label == "fail":
                self._keep_worst(result, result.score)

    @property
    def worst(self) -> list[RecordResult]:
        """Fails farthest from the threshold, the worst first; of equal ones the earliest first."""
        return [result for *_, result in sorted(self._worst, key=lambda entry: entry[:2], reverse=True)]

    def _keep_worst(self, result: RecordResult, score: float) -> None:
        badness = score if self._fails == "above" else -score
        entry = (badness, -self.scores.count, result)  # the count is unique, so that heapq never compares results
        if len(self._worst) < self._keep:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)


class Tally:
    """The counts of a run: a row for each evaluator and target.

    Bounded: a row keeps its counts, a histogram, `keep` results and the first error. For one thread."""

    def __init__(
        self, targets: Mapping[str, Iterable[Target]], fails: Mapping[str, Fails], *, keep: int = 3
    ) -> None:
        """Start with empty rows.

        Args:
            targets: sides that each evaluator scores, by evaluator.
            fails: side of the threshold that fails, by evaluator.
            keep: number of worst results that each row keeps.
        """
        self.records = 0
        self._rows = {
            (evaluator, target): Row(fails[evaluator], keep)
            for evaluator, each in targets.items()
            for target in each
        }

    def add(self, records: int, results: Iterable[RecordResult]) -> None:
        """Count the results of `records` records."""
        self.records += records
        for result in results:
            self._rows[result.evaluator, result.target].add(result)

    @property
    def evaluators(self) -> list[str]:
        """Names of the evaluators."""
        return list(dict.fromkeys(evaluator for evaluator, _ in self._rows))

    def rows(
        self, evaluator: str | None = None, target: Target | None = None
    ) -> Iterator[tuple[str, Target, Row]]:
        """Yield evaluator, target and row, for all or for the named evaluator and target."""
        for (name, side), row in self._rows.items():
            if evaluator in {None, name} and target in {None, side}:
                yield name, side, row
