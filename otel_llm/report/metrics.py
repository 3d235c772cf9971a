"""The metrics of the service: made with the OpenTelemetry SDK from the table in `names`, read by Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation
from opentelemetry.sdk.metrics import Counter as SdkCounter
from opentelemetry.sdk.metrics import Histogram as SdkHistogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from otel_llm import names
from otel_llm.evaluate.definition.result import DriftState, Result
from otel_llm.names import Metric
from otel_llm.names.label_limit import LabelLimit
from otel_llm.otlp.signals import Signal
from otel_llm.receive.refusal_log import Transport
from otel_llm.report.locked_counter import LockedCounter
from otel_llm.version import __version__

_RECEIVER: Final = "otlp"  # the Collector's name for the OTLP receiver
_MAX_SERIES: Final = 100_000
"""Series of one metric. `metrics.max_label_values` bounds the values that senders can give to each label."""
_HISTOGRAMS: Final = (names.EVALUATION_SCORE, names.EVALUATION_DURATION)
_ACCEPTED: Final[Mapping[Signal, Metric]] = {
    "traces": names.RECEIVER_ACCEPTED_SPANS,
    "logs": names.RECEIVER_ACCEPTED_LOG_RECORDS,
    "metrics": names.RECEIVER_ACCEPTED_METRIC_POINTS,
}
_REFUSED: Final[Mapping[Signal, Metric]] = {
    "traces": names.RECEIVER_REFUSED_SPANS,
    "logs": names.RECEIVER_REFUSED_LOG_RECORDS,
    "metrics": names.RECEIVER_REFUSED_METRIC_POINTS,
}
_SENT: Final[Mapping[Signal, Metric]] = {
    "traces": names.EXPORTER_SENT_SPANS,
    "logs": names.EXPORTER_SENT_LOG_RECORDS,
    "metrics": names.EXPORTER_SENT_METRIC_POINTS,
}
_SEND_FAILED: Final[Mapping[Signal, Metric]] = {
    "traces": names.EXPORTER_SEND_FAILED_SPANS,
    "logs": names.EXPORTER_SEND_FAILED_LOG_RECORDS,
    "metrics": names.EXPORTER_SEND_FAILED_METRIC_POINTS,
}


class WatchedQueue(Protocol):
    """The numbers of a queue that metrics show."""

    @property
    def size(self) -> int:
        """Bytes that the queue holds."""

    @property
    def max_bytes(self) -> int:
        """Bytes that the queue may hold."""

    @property
    def pending(self) -> int:
        """Records that are not settled."""

    def oldest_pending_s(self) -> float:
        """Return the age in seconds of the oldest record that is not settled."""


class WatchedExporter(Protocol):
    """The numbers of a destination that metrics show."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent."""

    @property
    def capacity_bytes(self) -> int:
        """Bytes that may wait to be sent."""


class ServiceMetrics:
    """Counts the events of the service. Any thread may call; a scrape may run at the same time."""

    def __init__(self, *, max_label_values: int) -> None:
        """Show `max_label_values` values of each label, and count further values as "other"."""
        self._labels = LabelLimit(max_label_values)
        self._registry = CollectorRegistry()
        self._provider = MeterProvider(
            metric_readers=[
                PrometheusMetricReader(
                    scope_info_enabled=False,
                    registry=self._registry,
                    # the SDK's limit of 2,000 would merge services into one series without labels
                    cardinality_limits=dict.fromkeys((SdkCounter, SdkHistogram), _MAX_SERIES),
                )
            ],
            resource=Resource.create({names.SERVICE_NAME: "otel-llm", "service.version": __version__}),
            shutdown_on_exit=False,
            views=[
                View(instrument_name=metric.name, aggregation=ExplicitBucketHistogramAggregation(metric.buckets))
                for metric in _HISTOGRAMS
            ],
        )
        self._meter = self._provider.get_meter("otel_llm", __version__)
        self._evaluations = self._counter(names.EVALUATIONS)
        self._scores = self._histogram(names.EVALUATION_SCORE)
        self._durations = self._histogram(names.EVALUATION_DURATION)
        self._late = self._counter(names.PASSED_LATE)
        self._skipped = self._counter(names.EVALUATIONS_SKIPPED)
        self._dropped = self._counter(names.METRIC_POINTS_DROPPED)
        received_by, sent_by = (names.LABEL_RECEIVER, names.LABEL_TRANSPORT), (names.LABEL_EXPORTER,)
        self._accepted = self._tallies(_ACCEPTED, received_by)
        self._refused = self._tallies(_REFUSED, received_by)
        self._sent = self._tallies(_SENT, sent_by)
        self._send_failed = self._tallies(_SEND_FAILED, sent_by)
        self._drift: Sequence[DriftState] = ()
        self._gauge(names.DRIFT_STATISTIC, lambda: self._observe_drift(lambda state: state.statistic))
        self._gauge(names.DRIFT_THRESHOLD, lambda: self._observe_drift(lambda state: state.threshold))
        self._gauge(names.DRIFT_ALARM, lambda: self._observe_drift(lambda state: state.alarm))

    @property
    def meter(self) -> Meter:
        """The meter for further instruments."""
        return self._meter

    def received(self, transport: Transport, signal: Signal, *, accepted: int = 0, refused: int = 0) -> None:
        """Count the items of one request."""
        self._accepted[signal].add(accepted, _RECEIVER, transport)
        self._refused[signal].add(refused, _RECEIVER, transport)

    def sent(self, exporter: str, signal: Signal, items: int) -> None:
        """Count items that were delivered."""
        self._sent[signal].add(items, exporter)

    def send_failed(self, exporter: str, signal: Signal, items: int) -> None:
        """Count items that could not be delivered."""
        self._send_failed[signal].add(items, exporter)

    def passed_late(self) -> None:
        """Count a request that was passed on before its evaluation ended."""
        self._late.add(1)

    def skipped(self, calls: int) -> None:
        """Count calls for which the evaluators had no room."""
        self._skipped.add(calls)

    def dropped(self, points: int) -> None:
        """Count data points that were taken and dropped."""
        self._dropped.add(points)

    def evaluated(
        self, results: Iterable[Result], durations_s: Mapping[str, float], drift: Sequence[DriftState]
    ) -> None:
        """Count the results of one batch, and keep the state of drift after it."""
        for result in results:
            labels = self._labels.limit(
                {
                    names.SERVICE_NAME: result.call.service,
                    names.PROVIDER: result.call.provider,
                    names.REQUEST_MODEL: result.call.request_model,
                    names.LABEL_EVALUATOR: result.evaluator,
                    names.LABEL_TARGET: result.target,
                }
            )
            self._evaluations.add(1, {**labels, names.LABEL_LABEL: result.label})
            if result.score is not None:
                self._scores.record(result.score, labels)
        for evaluator, duration_s in durations_s.items():
            self._durations.record(duration_s, {names.LABEL_EVALUATOR: evaluator})
        self._drift = drift

    def watch_queue(self, queue: WatchedQueue) -> None:
        """Report the queue at each scrape."""
        self._gauge(names.EVALUATION_OLDEST_PENDING, lambda: [Observation(queue.oldest_pending_s())])
        self._gauge(names.QUEUE_SIZE, lambda: [Observation(queue.size)])
        self._gauge(names.QUEUE_CAPACITY, lambda: [Observation(queue.max_bytes)])
        self._gauge(names.QUEUE_REQUESTS, lambda: [Observation(queue.pending)])

    def watch_exporters(self, exporters: Mapping[str, WatchedExporter]) -> None:
        """Report the bytes that wait to be sent at each scrape, by exporter."""

        def observe(value: Callable[[WatchedExporter], int]) -> list[Observation]:
            return [Observation(value(each), {names.LABEL_EXPORTER: name}) for name, each in exporters.items()]

        self._gauge(names.EXPORTER_QUEUE_SIZE, lambda: observe(lambda each: each.pending_bytes))
        self._gauge(names.EXPORTER_QUEUE_CAPACITY, lambda: observe(lambda each: each.capacity_bytes))

    def watch_dead_letters(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Report the number of dead letters at each scrape, by stage."""
        self._watch_counts(
            names.DEAD_LETTERS, lambda: {(stage,): count for stage, count in dict(counts()).items()}
        )

    def watch_refusals(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Report the number of refusals at each scrape, by reason."""
        self._watch_counts(names.REFUSALS, lambda: {(reason,): count for reason, count in dict(counts()).items()})

    def watch_not_evaluated(self, counts: Callable[[], Mapping[tuple[str, ...], int]]) -> None:
        """Report the number of GenAI spans that are not evaluated at each scrape, by operation and reason."""
        self._watch_counts(names.SPANS_NOT_EVALUATED, counts)

    def watch_problems(self, counts: Callable[[], Mapping[tuple[str, ...], int]]) -> None:
        """Report the number of problems with content at each scrape, by dialect, attribute and reason."""
        self._watch_counts(names.CONTENT_PROBLEMS, counts)

    def _watch_counts(self, metric: Metric, counts: Callable[[], Mapping[tuple[str, ...], int]]) -> None:
        """Report counts by the values of the metric's labels."""

        def callback(_: CallbackOptions) -> list[Observation]:
            return [
                Observation(count, dict(zip(metric.labels, values, strict=True)))
                for values, count in counts().items()
            ]

        self._meter.create_observable_counter(metric.name, [callback], metric.unit, metric.description)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return the exposition and its content type, in the format that an Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def close(self) -> None:
        """Shut the SDK's meter provider down."""
        self._provider.shutdown()

    def _observe_drift(self, value: Callable[[DriftState], float | None]) -> list[Observation]:
        return [
            Observation(
                number,
                self._labels.limit(
                    {
                        names.SERVICE_NAME: state.service,
                        names.LABEL_DETECTOR: state.detector,
                        names.LABEL_TARGET: state.target,
                        names.LABEL_BASELINE: state.baseline,
                    }
                ),
            )
            for state in self._drift
            if (number := value(state)) is not None
        ]

    def _tallies(self, metrics: Mapping[Signal, Metric], labels: Sequence[str]) -> dict[Signal, LockedCounter]:
        return {signal: LockedCounter(self._meter, metric, *labels) for signal, metric in metrics.items()}

    def _counter(self, metric: Metric) -> Counter:
        return self._meter.create_counter(metric.name, metric.unit, metric.description)

    def _histogram(self, metric: Metric) -> Histogram:
        return self._meter.create_histogram(metric.name, metric.unit, metric.description)

    def _gauge(self, metric: Metric, observe: Callable[[], list[Observation]]) -> None:
        def callback(_: CallbackOptions) -> list[Observation]:
            return observe()

        self._meter.create_observable_gauge(metric.name, [callback], metric.unit, metric.description)
