"""The service's metrics: made with the OpenTelemetry SDK by the table in `names`, read by Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from otel_llm import __version__, names
from otel_llm.evaluate.result import DriftState, Result
from otel_llm.labels import LabelLimit
from otel_llm.names import Metric
from otel_llm.receive.intake import Transport

_HISTOGRAMS = (names.EVALUATION_SCORE, names.EVALUATION_DURATION)


class ServiceMetrics:
    """What happens in the service, counted. Safe to use from several threads."""

    def __init__(self, *, max_label_values: int) -> None:
        """Let `max_label_values` values of each label through, and count the rest as "other"."""
        self._labels = LabelLimit(max_label_values)
        self._registry = CollectorRegistry()
        self._provider = MeterProvider(
            metric_readers=[PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)],
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
        self._accepted = self._counter(names.RECEIVER_ACCEPTED_SPANS)
        self._refused = self._counter(names.RECEIVER_REFUSED_SPANS)
        self._drift: Sequence[DriftState] = ()
        self._gauge(names.DRIFT_STATISTIC, lambda: self._observe_drift(lambda state: state.statistic))
        self._gauge(names.DRIFT_THRESHOLD, lambda: self._observe_drift(lambda state: state.threshold))
        self._gauge(names.DRIFT_ALARM, lambda: self._observe_drift(lambda state: state.alarm))

    def received(self, transport: Transport, *, accepted: int = 0, refused: int = 0) -> None:
        """Count the spans of one request."""
        labels = {names.LABEL_TRANSPORT: transport}
        self._accepted.add(accepted, labels)
        self._refused.add(refused, labels)

    def evaluated(
        self, results: Iterable[Result], durations_s: Mapping[str, float], drift: Sequence[DriftState]
    ) -> None:
        """Count the results of one batch, and keep where drift stands after it."""
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

    def watch_oldest_pending(self, age_s: Callable[[], float]) -> None:
        """Report, at each scrape, the age that the function returns."""
        self._gauge(names.EVALUATION_OLDEST_PENDING, lambda: [Observation(age_s())])

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return the exposition and its content type, in the format that an Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def close(self) -> None:
        """Release what the SDK holds."""
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

    def _counter(self, metric: Metric) -> Counter:
        return self._meter.create_counter(metric.name, metric.unit, metric.description)

    def _histogram(self, metric: Metric) -> Histogram:
        return self._meter.create_histogram(metric.name, metric.unit, metric.description)

    def _gauge(self, metric: Metric, observe: Callable[[], list[Observation]]) -> None:
        def callback(_: CallbackOptions) -> list[Observation]:
            return observe()

        self._meter.create_observable_gauge(metric.name, [callback], metric.unit, metric.description)
