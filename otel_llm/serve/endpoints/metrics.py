"""Metrics of the server, for Prometheus."""

from __future__ import annotations

import time
from types import TracebackType

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Histogram, Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from otel_llm import names
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.model import End, Piece
from otel_llm.version import __version__

PROVIDER = "otel-llm"


class ServerMetrics:
    """The instruments of the server, with their own registry instead of the process's global one."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._provider = MeterProvider(
            [PrometheusMetricReader(registry=self._registry)], Resource({names.SERVICE_NAME: "otel-llm-serve"})
        )
        meter = self._provider.get_meter("otel_llm.serve", __version__)
        self.duration = _histogram(meter, names.SERVER_REQUEST_DURATION)
        self.first_token = _histogram(meter, names.SERVER_TIME_TO_FIRST_TOKEN)
        self.per_token = _histogram(meter, names.SERVER_TIME_PER_OUTPUT_TOKEN)

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics in Prometheus's text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def close(self) -> None:
        """Shut the meter provider down."""
        self._provider.shutdown()


class RequestMeasurement:
    """Measures one request, as a context manager around it. Used by the task of the request alone."""

    def __init__(self, metrics: ServerMetrics, operation: str) -> None:
        self._metrics = metrics
        self._start = time.monotonic()
        self._first: dict[int, float] = {}
        self._attributes = {names.OPERATION: operation, names.PROVIDER: PROVIDER}
        self.error_type: str | None = None
        """Value of error.type; None means that the request succeeded."""

    def model(self, model_id: str) -> None:
        """Set the model, which the server must know: each new name would be a new series."""
        self._attributes[names.REQUEST_MODEL] = model_id

    def piece(self, choice: int, piece: Piece) -> None:
        """Measure the arrival of a piece of a choice."""
        now = time.monotonic()
        if not isinstance(piece, End):
            if not self._first:
                self._metrics.first_token.record(now - self._start, self._attributes)
            self._first.setdefault(choice, now)
        elif piece.tokens.completion > 1 and choice in self._first:
            per_token = (now - self._first[choice]) / (piece.tokens.completion - 1)
            self._metrics.per_token.record(per_token, self._attributes)

    def __enter__(self) -> RequestMeasurement:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        if isinstance(error, ApiError):
            self.error_type = str(error.status)
        elif error is not None:
            self.error_type = type(error).__qualname__
        attributes = dict(self._attributes)
        if self.error_type is not None:
            attributes[names.ERROR_TYPE] = self.error_type
        self._metrics.duration.record(time.monotonic() - self._start, attributes)


def _histogram(meter: Meter, metric: names.Metric) -> Histogram:
    return meter.create_histogram(
        metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=metric.buckets
    )
