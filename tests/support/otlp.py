"""Exports of logs and metrics as a sender would write them."""

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from otlp_sink import key_values

RESOURCE = Resource(attributes=key_values({"service.name": "shop"}))
SCOPE = InstrumentationScope(name="test", version="1")


def log_records(count: int, text: str = "said") -> list[LogRecord]:
    return [LogRecord(event_name="gen_ai.choice", body=AnyValue(string_value=text)) for _ in range(count)]


def logs(*scopes: list[LogRecord]) -> bytes:
    said = [ScopeLogs(scope=SCOPE, log_records=records, schema_url="s") for records in scopes]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=RESOURCE, scope_logs=said, schema_url="r")]
    ).SerializeToString()


def data_points(count: int, name: str = "tokens") -> Metric:
    points = [NumberDataPoint(as_int=n, time_unix_nano=n) for n in range(1, count + 1)]
    return Metric(name=name, gauge=Gauge(data_points=points))


def metrics(*said: Metric) -> bytes:
    scope = ScopeMetrics(scope=SCOPE, metrics=said, schema_url="s")
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=RESOURCE, scope_metrics=[scope], schema_url="r")]
    ).SerializeToString()
