"""An OTLP/HTTP receiver on loopback that keeps what it is sent: spans, log records, metrics."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class OtlpSink:
    """What has arrived; every item comes with the attributes of its resource, as a dict."""

    endpoint: str = ""
    """Base URL, for OTEL_EXPORTER_OTLP_ENDPOINT and its like."""
    spans: list[tuple[dict[str, Any], Span]] = field(default_factory=list)
    logs: list[tuple[dict[str, Any], LogRecord]] = field(default_factory=list)
    metrics: list[tuple[dict[str, Any], Metric]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request."""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, condition: Callable[["OtlpSink"], Any], timeout_s: float = 40) -> Any:
        """Return what `condition(sink)` returns once that is true; fail the test when it never is."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not (result := condition(self)):
                left = deadline - time.monotonic()
                assert left > 0, (
                    f"not seen within {timeout_s:g} s; what came: {len(self.spans)} spans, "
                    f"{len(self.logs)} log records, {len(self.metrics)} metrics"
                )
                self._changed.wait(left)
            return result

    def take(self, path: str, body: bytes) -> None:
        with self._changed:
            match path:
                case "/v1/traces":
                    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                        attributes = plain(resource.resource.attributes)
                        self.spans += [
                            (attributes, span) for scope in resource.scope_spans for span in scope.spans
                        ]
                case "/v1/logs":
                    for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                        attributes = plain(resource.resource.attributes)
                        self.logs += [
                            (attributes, log) for scope in resource.scope_logs for log in scope.log_records
                        ]
                case "/v1/metrics":
                    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                        attributes = plain(resource.resource.attributes)
                        self.metrics += [
                            (attributes, metric) for scope in resource.scope_metrics for metric in scope.metrics
                        ]
                case _:
                    raise AssertionError(f"nothing of OTLP is sent to {path}")
            self._changed.notify_all()


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes of OTLP as a dict of Python values."""
    return {pair.key: _value(pair.value) for pair in attributes}


def any_value(value: Any) -> AnyValue:
    """A Python value as OTLP's AnyValue."""
    if value is None:
        return AnyValue()
    if isinstance(value, dict):
        return AnyValue(kvlist_value={"values": key_values(value)})
    if isinstance(value, list | tuple):
        return AnyValue(array_value={"values": [any_value(item) for item in value]})
    scalars = {
        bool: "bool_value",
        int: "int_value",
        float: "double_value",
        str: "string_value",
        bytes: "bytes_value",
    }
    return AnyValue(**{scalars[type(value)]: value})


def key_values(attributes: dict[str, Any]) -> list[KeyValue]:
    """A dict as OTLP's attributes."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


@contextmanager
def otlp_sink() -> Iterator[OtlpSink]:
    """Run the receiver on a free port."""
    sink = OtlpSink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sink.headers.append(dict(self.headers))
            sink.take(self.path, gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return plain(value.kvlist_value.values)
        case None:
            return None
        case name:
            return getattr(value, name)
