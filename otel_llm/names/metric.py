"""The definition of a metric: for the SDK, and by its name in Prometheus."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from otel_llm.names.attributes import PROVIDER, REQUEST_MODEL, SERVICE_NAME

# GenAI metrics conventions, section of each metric of a duration
DURATION_BUCKETS_S: Final = (
    0.01,
    0.02,
    0.04,
    0.08,
    0.16,
    0.32,
    0.64,
    1.28,
    2.56,
    5.12,
    10.24,
    20.48,
    40.96,
    81.92,
)
SOURCE_LABELS: Final = (SERVICE_NAME, PROVIDER, REQUEST_MODEL)
"""The few labels of metrics that need no more to tell calls apart."""


class Metric(NamedTuple):
    """One metric."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    description: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The base name in Prometheus; a histogram's series add `_bucket`, `_sum` and `_count`.

        Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", metric metadata.
        """
        name = self.name.replace(".", "_")
        name += {"s": "_seconds", "By": "_bytes"}.get(self.unit, "")
        return f"{name}_total" if self.kind == "counter" else name


def prometheus_label(attribute: str) -> str:
    """Return an attribute's label name in Prometheus: `service.name` is `service_name`."""
    return attribute.replace(".", "_")
