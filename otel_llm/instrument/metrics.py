"""The client metrics: one instrument each, made from `names.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.fields import Usage
from otel_llm.instrument.worker import let_others_run

_NO_SPAN: Final = Context()  # exemplars of the first chunk do; those of every chunk would cost a quarter more
_SLICE: Final = 16  # records between two offers of the interpreter lock: some 0.2 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one call adds to the metrics."""

    attributes: Mapping[str, AttributeValue]
    context: Context
    """Holds the call's span, so that the SDK can link its exemplars."""
    duration_s: float
    error_type: str | None
    usage: Usage | None
    first_chunk_s: float | None
    chunk_times: Sequence[float]
    """When a stream's chunks came, by time.perf_counter()."""


class Metrics:
    """Records measurements."""

    def __init__(self, meter: Meter) -> None:
        self._duration = _histogram(meter, names.OPERATION_DURATION)
        self._first_chunk = _histogram(meter, names.TIME_TO_FIRST_CHUNK)
        self._per_chunk = _histogram(meter, names.TIME_PER_OUTPUT_CHUNK)
        self._tokens = _histogram(meter, names.TOKEN_USAGE)
        self._cost: Counter = meter.create_counter(names.COST.name, names.COST.unit, names.COST.description)

    def record(self, measurement: Measurement) -> None:
        """Record one call."""
        attributes = measurement.attributes
        context = measurement.context
        error = {names.ERROR_TYPE: measurement.error_type} if measurement.error_type else {}
        self._duration.record(measurement.duration_s, {**attributes, **error}, context)
        usage = measurement.usage
        if usage is not None and usage.input_tokens is not None:
            self._tokens.record(usage.input_tokens, {**attributes, names.TOKEN_TYPE: "input"}, context)
        if usage is not None and usage.output_tokens is not None:
            self._tokens.record(usage.output_tokens, {**attributes, names.TOKEN_TYPE: "output"}, context)
        if measurement.first_chunk_s is not None:
            self._first_chunk.record(measurement.first_chunk_s, attributes, context)
        for index, (earlier, later) in enumerate(pairwise(measurement.chunk_times)):
            self._per_chunk.record(later - earlier, attributes, _NO_SPAN)
            if index % _SLICE == 0:
                let_others_run()

    def add_cost(self, cost_usd: float, attributes: Mapping[str, AttributeValue], context: Context) -> None:
        """Add what one call cost; the attributes are those of `record`."""
        self._cost.add(cost_usd, {key: attributes[key] for key in names.COST.labels if key in attributes}, context)


def _histogram(meter: Meter, metric: names.Metric) -> Histogram:
    return meter.create_histogram(
        metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=list(metric.buckets)
    )
