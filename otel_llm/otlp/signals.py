"""The three signals of OTLP: their addresses and the names of their messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Signal = Literal["traces", "logs", "metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFacts:
    """The differences between signals. All three have the same three levels: resources, scopes, items."""

    service: str
    """Name of the gRPC service."""
    request: type[Message]
    response: type[Message]
    item: type[Message]
    levels: tuple[str, str, str]
    """Names of the fields of resources, scopes and items in protobuf."""
    rejected: str
    """Name of the field of a partial success that counts rejected items."""

    @property
    def what(self) -> str:
        """Name of an item in words."""
        return {"Span": "span", "LogRecord": "log record", "Metric": "metric"}[self.item.DESCRIPTOR.name]


_PACKAGE: Final = "opentelemetry.proto.collector"
# names: opentelemetry-proto v1, collector/*/v1/*_service.proto and docs/specification.md, "OTLP/HTTP Request"
SIGNALS: Final[Mapping[Signal, SignalFacts]] = {
    "traces": SignalFacts(
        service=f"{_PACKAGE}.trace.v1.TraceService",
        request=ExportTraceServiceRequest,
        response=ExportTraceServiceResponse,
        item=Span,
        levels=("resource_spans", "scope_spans", "spans"),
        rejected="rejected_spans",
    ),
    "logs": SignalFacts(
        service=f"{_PACKAGE}.logs.v1.LogsService",
        request=ExportLogsServiceRequest,
        response=ExportLogsServiceResponse,
        item=LogRecord,
        levels=("resource_logs", "scope_logs", "log_records"),
        rejected="rejected_log_records",
    ),
    "metrics": SignalFacts(
        service=f"{_PACKAGE}.metrics.v1.MetricsService",
        request=ExportMetricsServiceRequest,
        response=ExportMetricsServiceResponse,
        item=Metric,
        levels=("resource_metrics", "scope_metrics", "metrics"),
        rejected="rejected_data_points",
    ),
}
PATHS: Final[Mapping[str, Signal]] = {f"/v1/{signal}": signal for signal in SIGNALS}
"""Paths of OTLP/HTTP."""
