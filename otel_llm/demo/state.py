"""The content of the live feed so far: calls, totals and the course of drift."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

TOXICITY = "toxicity"
GROUNDEDNESS = "groundedness"
FAIL = "fail"


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of one evaluator for one side of a call."""

    label: str
    """pass, partial, fail, not_applicable or error."""
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedCall:
    """One call in the live feed; None means that the feed does not say."""

    model: str
    question: str
    answer: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    start_s: float
    """Unix time in seconds."""
    duration_s: float
    time_to_first_chunk_s: float | None
    error_type: str | None
    results: Mapping[tuple[str, str], CallResult]
    """Results by evaluator and target."""

    @classmethod
    def from_feed(cls, line: Mapping[str, Any]) -> EvaluatedCall:
        """Return the call in one line of the feed."""
        return cls(
            model=line["model"] or "unknown",
            question=line["input"] or "",
            answer=line["output"] or "",
            input_tokens=line["input_tokens"],
            output_tokens=line["output_tokens"],
            cost_usd=line["cost_usd"],
            start_s=line["start_ns"] / 1e9,
            duration_s=line["duration_s"],
            time_to_first_chunk_s=line["time_to_first_chunk_s"],
            error_type=line["error_type"],
            results={(r["evaluator"], r["target"]): CallResult(r["label"], r["score"]) for r in line["results"]},
        )

    def fails(self, evaluator: str) -> bool:
        """Return True if this evaluator gave the label fail to either side."""
        return any(name == evaluator and result.label == FAIL for (name, _), result in self.results.items())

    @property
    def scored(self) -> bool:
        """True if any evaluator gave a score."""
        return any(result.score is not None for result in self.results.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPoint:
    """The drift of the inputs after one call."""

    detector: str
    count: int
    window: int
    statistic: float | None
    threshold: float | None
    alarm: bool


@dataclass(slots=True)
class State:
    """The calls and drift points of the feed; all other values are computed from them."""

    calls: list[EvaluatedCall] = field(default_factory=list)
    drift: list[DriftPoint] = field(default_factory=list)
    """One point per call that the detector has seen, the oldest first."""

    def add(self, line: Mapping[str, Any]) -> EvaluatedCall:
        """Add one line of the feed, and return its call."""
        call = EvaluatedCall.from_feed(line)
        self.calls.append(call)
        if state := next((state for state in line["drift"] if state["target"] == "input"), None):
            fields = ("detector", "count", "window", "statistic", "threshold", "alarm")
            self.drift.append(DriftPoint(**{name: state[name] for name in fields}))
        return call

    @property
    def errors(self) -> int:
        """Calls that ended in an error."""
        return sum(call.error_type is not None for call in self.calls)

    @property
    def scored(self) -> int:
        """Calls with at least one score."""
        return sum(call.scored for call in self.calls)

    @property
    def input_tokens(self) -> int:
        """Tokens read by the models."""
        return sum(call.input_tokens or 0 for call in self.calls)

    @property
    def output_tokens(self) -> int:
        """Tokens written by the models."""
        return sum(call.output_tokens or 0 for call in self.calls)

    @property
    def cost_usd(self) -> float:
        """Cost of the calls whose price is known."""
        return sum(call.cost_usd or 0 for call in self.calls)

    @property
    def models(self) -> Counter[str]:
        """Calls per model."""
        return Counter(call.model for call in self.calls)

    def failing(self, evaluator: str) -> list[EvaluatedCall]:
        """Return the calls with the label fail of this evaluator on either side, the oldest first."""
        return [call for call in self.calls if call.fails(evaluator)]

    def labels(self, evaluator: str, target: str) -> Counter[str]:
        """Return the number of calls with each label."""
        return Counter(
            call.results[key].label for call in self.calls if (key := (evaluator, target)) in call.results
        )

    def latency_s(self, percent: float) -> float | None:
        """Return this percentile of the durations; None before the first call."""
        return percentile((call.duration_s for call in self.calls), percent)

    @property
    def drift_rise(self) -> tuple[float, float] | None:
        """The first and the highest value of the statistic; None before the first value."""
        values = [point.statistic for point in self.drift if point.statistic is not None]
        return (values[0], max(values)) if values else None

    @property
    def drift_alarm(self) -> bool:
        """True if the alarm was raised at any time."""
        return any(point.alarm for point in self.drift)


def percentile(values: Iterable[float], percent: float) -> float | None:
    """Return the nearest-rank percentile, the smallest value that `percent` of the values do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else None
