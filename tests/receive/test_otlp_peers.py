"""The exporters of OpenTelemetry's own SDKs, and its Collector, as senders."""

import json
import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from otlp_sink import plain
from support.receivers import MemorySink, Receivers, receivers, wait_until
from support.require import require
from support.servers import need

from otel_llm.demo.servers import COLLECTOR, start_collector

JS = Path(__file__).parent / "js"


@pytest.fixture
def at() -> Iterator[Receivers]:
    with receivers() as running:
        yield running


def exporters(at: Receivers, signal: str) -> list[Any]:
    over_http, over_grpc = {
        "traces": (HttpSpans, GrpcSpans),
        "logs": (HttpLogs, GrpcLogs),
        "metrics": (HttpMetrics, GrpcMetrics),
    }[signal]
    url = f"{at.http}/v1/{signal}"
    return [
        over_http(endpoint=url),
        over_http(endpoint=url, compression=Compression.Gzip),
        over_grpc(endpoint=at.grpc, insecure=True),
    ]


def sdk_span() -> ReadableSpan:
    provider = TracerProvider()
    with provider.get_tracer("test").start_as_current_span("chat m", attributes={"n": 1}) as span:
        pass
    provider.shutdown()
    return span


def test_spans_of_the_python_sdk_arrive(at: Receivers) -> None:
    span = sdk_span()
    for exporter in exporters(at, "traces"):
        assert exporter.export([span]) is SpanExportResult.SUCCESS
        exporter.shutdown()
    assert [(each.name, each.span_id.hex()) for each in at.sink.spans()] == [
        ("chat m", format(span.get_span_context().span_id, "016x"))
    ] * 3


def test_logs_of_the_python_sdk_arrive(at: Receivers) -> None:
    for exporter in exporters(at, "logs"):
        provider = LoggerProvider()
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        provider.get_logger("test").emit(LogRecord(body="said", severity_number=SeverityNumber.INFO))
        provider.shutdown()
    bodies = [
        record.body.string_value
        for export in at.sink.exports()
        for record in export.resource_logs[0].scope_logs[0].log_records
    ]
    assert bodies == ["said"] * 3


def test_metrics_of_the_python_sdk_arrive(at: Receivers) -> None:
    for exporter in exporters(at, "metrics"):
        provider = MeterProvider([PeriodicExportingMetricReader(exporter)])
        provider.get_meter("test").create_counter("tokens").add(7)
        provider.force_flush()
        provider.shutdown()
    exports = [export.resource_metrics[0].scope_metrics[0].metrics[0] for export in at.sink.exports()]
    assert {(metric.name, metric.sum.data_points[0].as_int) for metric in exports} == {("tokens", 7)}
    assert at.tally["http", "metrics", "accepted"] + at.tally["grpc", "metrics", "accepted"] == len(exports)


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_the_python_sdk_retries_a_refused_export_until_it_is_taken(transport: str) -> None:
    with receivers(MemorySink(full=True)) as at:
        exporter = exporters(at, "traces")[0 if transport == "http" else 2]
        outcome: list[SpanExportResult] = []
        thread = threading.Thread(target=lambda: outcome.append(exporter.export([sdk_span()])))
        thread.start()
        wait_until(lambda: at.tally[transport, "traces", "refused"] >= 1)
        at.sink.full = False
        thread.join()
        exporter.shutdown()
    assert outcome == [SpanExportResult.SUCCESS]
    assert [span.name for span in at.sink.spans()] == ["chat m"]


def test_the_python_sdk_does_not_retry_what_is_refused_for_good(
    at: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = HttpSpans(endpoint=f"{at.http}/v1/traces", headers={"x-otel-llm-replay": "events"})
    with caplog.at_level(logging.ERROR):
        assert exporter.export([sdk_span()]) is SpanExportResult.FAILURE
    exporter.shutdown()
    assert at.intake.refusals == {"not_taken": 1}


def test_every_exporter_of_the_javascript_sdk_is_understood(at: Receivers) -> None:
    node, modules = shutil.which("node"), JS / "node_modules"
    require(node and modules.is_dir(), "the JavaScript SDK", f"npm ci --ignore-scripts --prefix {JS} (Node.js 20)")
    done = subprocess.run(
        ["node", "send.mjs", at.http, at.grpc], cwd=JS, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome == dict.fromkeys(outcome, 0)
    assert len(outcome) == 7

    spans = at.sink.spans()
    assert len(spans) == 5
    assert all(span == spans[0] for span in spans)  # JSON, protobuf and gRPC say the same
    assert plain(spans[0].attributes) == {
        "text": "Grüße",
        "int": 42,
        "double": 0.5,
        "flag": True,
        "list": ["a", "b"],
    }
    assert (spans[0].kind, spans[0].status.code, len(spans[0].trace_id)) == (3, 2, 16)
    logs, metrics = at.sink.exports()[5:]
    [record] = logs.resource_logs[0].scope_logs[0].log_records
    assert (record.trace_id, record.span_id) == (spans[0].trace_id, spans[0].span_id)
    assert (record.event_name, plain(record.body.kvlist_value.values)) == ("gen_ai.choice", {"content": "said"})
    counter, histogram = metrics.resource_metrics[0].scope_metrics[0].metrics
    assert (counter.sum.data_points[0].as_double, histogram.histogram.data_points[0].sum) == (7, 0.25)


def test_spans_that_the_collector_sends_on_arrive_whole(at: Receivers, tmp_path: Path) -> None:
    need(COLLECTOR)
    with start_collector(tmp_path, evaluation=at.grpc) as collector:
        provider = TracerProvider()
        attributes = {"gen_ai.operation.name": "chat", "text": "x" * 5000}
        with provider.get_tracer("test").start_as_current_span("chat m", attributes=attributes) as span:
            pass
        exporter = HttpSpans(endpoint=f"{collector.http_url}/v1/traces")
        assert exporter.export([span]) is SpanExportResult.SUCCESS
        wait_until(at.sink.spans)
        exporter.shutdown()
        provider.shutdown()
    [arrived] = at.sink.spans()
    assert plain(arrived.attributes) == attributes
    assert arrived.span_id.hex() == format(span.get_span_context().span_id, "016x")
