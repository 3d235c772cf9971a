"""The conventions' client metrics, made from spans, for services that emit only spans.

The metrics count the spans that arrive: if traces are sampled before the service, they count the sample.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from opentelemetry.metrics import Histogram, Meter

from otel_llm import names
from otel_llm.config.report import DeriveMetricsSettings
from otel_llm.genai.call import Call, Usage
from otel_llm.names import Metric
from otel_llm.names.label_limit import LabelLimit

_MAX_SERVICES: Final = 4096
"""Bound of the cache of service names: the sender chooses the names."""


class ClientMetrics:
    """Counts calls on a meter. Any thread may call."""

    def __init__(self, meter: Meter, settings: DeriveMetricsSettings, *, max_label_values: int = 200) -> None:
        """Count the calls of the services that the settings name.

        Args:
            meter: the meter whose metrics are exposed.
            settings: the services.
            max_label_values: values of each label; further ones count as "other".
        """
        self._settings = settings
        self._labels = LabelLimit(max_label_values)
        self._is_counted = functools.lru_cache(_MAX_SERVICES)(self._matches)
        self._duration = _histogram(meter, names.OPERATION_DURATION)
        self._tokens = _histogram(meter, names.TOKEN_USAGE)
        self._first_chunk = _histogram(meter, names.TIME_TO_FIRST_CHUNK)
        self._cost = meter.create_counter(names.COST.name, names.COST.unit, names.COST.description)

    def record(self, call: Call) -> None:
        """Count one call. The caller leaves out a span that comes again."""
        if not self._is_counted(call.service):
            return
        labels = self._labels.limit(_labels(call))
        # on the duration alone: tokens and cost count, however the call ended
        failed = self._labels.limit({names.ERROR_TYPE: call.error_type}) if call.error_type else {}
        self._duration.record(call.duration_s, {**labels, **failed})
        for token_type, count in _token_counts(call.usage):
            self._tokens.record(count, {**labels, names.TOKEN_TYPE: token_type})
        if call.time_to_first_chunk_s is not None and call.time_to_first_chunk_s >= 0:
            self._first_chunk.record(call.time_to_first_chunk_s, labels)
        if call.usage.cost_usd is not None and call.usage.cost_usd >= 0:
            self._cost.add(call.usage.cost_usd, {name: labels[name] for name in names.COST.labels})

    def _matches(self, service: str) -> bool:
        settings = self._settings
        return _one_matches(settings.services, service) and not _one_matches(settings.exclude, service)


def _one_matches(patterns: tuple[str, ...], service: str) -> bool:
    return any(fnmatchcase(service, pattern) for pattern in patterns)


def _labels(call: Call) -> dict[str, str]:
    labels = {
        names.SERVICE_NAME: call.service,
        names.OPERATION: call.operation,
        names.PROVIDER: call.provider,
        names.REQUEST_MODEL: call.request_model,
    }
    if call.response_model:
        labels[names.RESPONSE_MODEL] = call.response_model
    return labels


def _token_counts(usage: Usage) -> Iterator[tuple[str, int]]:
    for token_type, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
        if (
            count is not None and count >= 0
        ):  # a sender may write any number, and a histogram refuses negative ones
            yield token_type, count


def _histogram(meter: Meter, metric: Metric) -> Histogram:
    return meter.create_histogram(
        metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=metric.buckets
    )
