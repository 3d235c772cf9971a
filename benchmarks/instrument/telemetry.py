"""The process's OpenTelemetry, the same for every subject.

Spans go through a BatchSpanProcessor to an exporter that counts them and throws them away; metrics are aggregated
and read by nobody. There is no SDK for logs: events cost those who emit them nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


class Nowhere(SpanExporter):
    """Counts spans; keeps them only while it is asked to."""

    def __init__(self) -> None:
        self.count = 0
        self.kept: list[ReadableSpan] | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.count += len(spans)
        if self.kept is not None:
            self.kept.extend(spans)
        return SpanExportResult.SUCCESS


exporter = Nowhere()
reader = InMemoryMetricReader()
tracer_provider = TracerProvider()
tracer_provider.add_span_processor(BatchSpanProcessor(exporter))
meter_provider = MeterProvider([reader])
waits: list[Callable[[], Any]] = [tracer_provider.force_flush]


def set_up() -> None:
    """Make these the process's providers."""
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(meter_provider)


def flush() -> None:
    """Return once what was recorded is through, and no thread works on it any more."""
    for wait in waits:
        wait()


def spans_of(work: Callable[[], Any]) -> list[ReadableSpan]:
    """Return the spans that a piece of work makes."""
    flush()
    exporter.kept = []
    work()
    flush()
    kept, exporter.kept = exporter.kept, None
    return kept


def metric_names() -> list[str]:
    data = reader.get_metrics_data()
    return sorted(
        metric.name
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.data.data_points
    )
