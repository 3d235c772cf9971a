"""Counts that are added to for each request: a sum and a lock, which a scrape reads.

The SDK's own counters take ten microseconds a time, for attribute sets and exemplars that nobody asks for here.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from otel_llm.names import Metric


class Tally:
    """A counter with fixed labels. Safe to use from several threads."""

    def __init__(self, meter: Meter, metric: Metric, *labels: str) -> None:
        """Report it by the meter; `labels` are the names of its labels."""
        self._labels = labels
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._lock = threading.Lock()
        meter.create_observable_counter(metric.name, [self._observe], metric.unit, metric.description)

    def add(self, count: int, *values: str) -> None:
        """Add to the count of those values of the labels; nothing as well, so that it is known from then on."""
        with self._lock:
            self._counts[values] += count

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            counts = dict(self._counts)
        return [
            Observation(count, dict(zip(self._labels, values, strict=True))) for values, count in counts.items()
        ]
