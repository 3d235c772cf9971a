"""Work for an ended call off the app's path: its metrics, and a cost that is known late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Span
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.contract.usage import Usage
from otel_llm.instrument.cost.prices import Pending, QuickCost
from otel_llm.instrument.lifecycle import late_spans
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry


class Measured(NamedTuple):
    """The data of a call that the metrics need."""

    request_model: str | None
    shared: dict[str, AttributeValue]
    span: Span
    duration_s: float
    error_type: str | None
    response_model: str | None
    usage: Usage | None
    first_chunk_s: float | None
    chunk_times: Sequence[float]
    cost: QuickCost
    late: int | None
    """The number under which the span is held until its cost is known. None means that the span has ended."""
    other_scope: str | None
    """The scope of another instrumentation that records the call; "" if it is unknown. None means none."""


def counted_elsewhere(telemetry: CallTelemetry, measured: Measured) -> frozenset[str]:
    """Return the names of the metrics in which another instrumentation counts the call."""
    if measured.other_scope is None:
        return frozenset()
    from otel_llm.instrument.lifecycle.surrounding_metrics import metrics_of  # noqa: PLC0415 - for calls beside others

    streamed = measured.first_chunk_s is not None
    return metrics_of(measured.other_scope, telemetry.providers.meter, streamed=streamed)


def measure(telemetry: CallTelemetry, measured: Measured) -> None:
    """Record a call's metrics, and end its span if the span waits for the cost. Runs on the worker."""
    from otel_llm.instrument.lifecycle.metrics import Measurement  # noqa: PLC0415 - slow, and off the app's path here

    attributes, usage, response_model = measured.shared, measured.usage, measured.response_model
    if response_model:
        attributes = {**attributes, names.RESPONSE_MODEL: response_model}
    context = Context({_SPAN_KEY: measured.span})
    measurement = Measurement(
        attributes,
        context,
        measured.duration_s,
        measured.error_type,
        usage,
        measured.first_chunk_s,
        measured.chunk_times,
    )
    cost = None if measured.cost is Pending.PENDING else measured.cost
    try:
        telemetry.metrics.record(measurement, counted_elsewhere(telemetry, measured))
        if measured.cost is Pending.PENDING and usage is not None:
            provider = str(attributes[names.PROVIDER])
            cost = telemetry.prices.cost(provider, measured.request_model, response_model, usage)
    finally:
        if measured.late is not None:
            late_spans.end(measured.late, cost)
    if cost is not None:
        telemetry.metrics.add_cost(cost[0], attributes, context)
