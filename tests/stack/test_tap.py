"""The real Collector with collector/tap.yaml."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from otlp_sink import OtlpSink, key_values
from support.metrics import METRICS, record_every_metric
from support.servers import need
from support.spans import chat_attributes

from otel_llm import names
from otel_llm.assets import asset
from otel_llm.demo import servers
from otel_llm.demo.servers import Collector, start_collector

SHOP = Resource({"service.name": "shop"})


class Recorded(SpanExporter):
    """An exporter that keeps what the exporter inside it answers."""

    def __init__(self, inner: SpanExporter) -> None:
        self.inner, self.results = inner, []

    def export(self, spans):
        self.results.append(self.inner.export(spans))
        return self.results[-1]

    def shutdown(self) -> None:
        self.inner.shutdown()


def send(collector: Collector, *spans: tuple[str, dict]) -> list[SpanExportResult]:
    """Send spans as an application does, one export each; return what the Collector answered."""
    exporter = Recorded(OTLPSpanExporter(f"{collector.http_url}/v1/traces"))
    provider = TracerProvider(resource=SHOP)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for name, attributes in spans:
        provider.get_tracer("test").start_span(name, attributes=attributes).end()
    provider.shutdown()
    return exporter.results


def named(sink: OtlpSink) -> set[str]:
    return {span.name for _, span in sink.spans}


def test_the_tap_is_valid_as_it_is() -> None:
    need(servers.COLLECTOR)
    done = subprocess.run(
        [servers.COLLECTOR.require(), "validate", "--config", asset("collector", "tap.yaml")],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr


def test_every_span_reaches_the_backend_and_genai_spans_alone_the_evaluation(
    collector: Collector, backend: OtlpSink, evaluation: OtlpSink
) -> None:
    send(
        collector,
        ("GET /cart", {"http.request.method": "GET"}),
        ("chat of the conventions", chat_attributes()),
        ("chat of OpenInference", {"openinference.span.kind": "LLM"}),
        ("INSERT", {"db.system.name": "postgresql"}),
    )
    genai = {"chat of the conventions", "chat of OpenInference"}
    backend.wait_for(lambda sink: named(sink) >= {"GET /cart", "INSERT", *genai})
    evaluation.wait_for(lambda sink: named(sink) >= genai)
    assert named(evaluation) == genai
    assert {resource["service.name"] for resource, _ in evaluation.spans} == {"shop"}


def test_events_go_to_the_log_backend_and_are_not_evaluated_again(
    collector: Collector, backend: OtlpSink, evaluation: OtlpSink
) -> None:
    record = LogRecord(event_name=names.EVENT_EVALUATION_RESULT, trace_id=b"t" * 16, span_id=b"s" * 8)
    record.attributes.extend(key_values({names.EVALUATION_NAME: "toxicity"}))
    logs = ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])
    logs.resource.attributes.extend(key_values({"service.name": "otel-llm"}))
    request = urllib.request.Request(
        f"{collector.events_url}/v1/logs",
        ExportLogsServiceRequest(resource_logs=[logs]).SerializeToString(),
        {"Content-Type": "application/x-protobuf"},
    )
    before = len(evaluation.spans)
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 200
    (arrived,) = backend.wait_for(lambda sink: sink.logs)
    assert arrived[0] == {"service.name": "otel-llm"}
    assert (arrived[1].event_name, arrived[1].trace_id, arrived[1].span_id) == (
        record.event_name,
        record.trace_id,
        record.span_id,
    )
    assert len(evaluation.spans) == before


def test_client_metrics_have_the_names_of_the_table_and_the_label_service_name(collector: Collector) -> None:
    exporter = OTLPMetricExporter(f"{collector.http_url}/v1/metrics")
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], resource=SHOP)
    client = [metric for metric in METRICS if names.SERVICE_NAME in metric.labels]
    record_every_metric(provider, client, without=[names.SERVICE_NAME])
    provider.shutdown()
    with urllib.request.urlopen(f"http://{collector.metrics}/metrics") as reply:
        page = reply.read().decode()
    for metric in client:
        series = (
            f"{metric.prometheus_name}_count{{" if metric.kind == "histogram" else f"{metric.prometheus_name}{{"
        )
        lines = [line for line in page.splitlines() if line.startswith(series)]
        assert lines, f"{series} is not on the page:\n{page}"
        assert all('service_name="shop"' in line for line in lines)


WORKER = """
import sys
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from otel_llm.names import COST

provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(sys.argv[1]))])
provider.get_meter("test").create_counter(COST.name, COST.unit).add(1)
provider.shutdown()
"""


def test_two_workers_of_one_service_do_not_overwrite_each_other(collector: Collector) -> None:
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", WORKER, f"{collector.http_url}/v1/metrics"],
            check=True,
            env={**os.environ, "OTEL_SERVICE_NAME": "workers"},
            timeout=30,
        )
    with urllib.request.urlopen(f"http://{collector.metrics}/metrics") as reply:
        page = reply.read().decode()
    series = [line for line in page.splitlines() if line.startswith(names.COST.prometheus_name)]
    assert len([line for line in series if 'service_name="workers"' in line]) == 2


def test_an_application_notices_nothing_when_the_evaluation_is_down_and_its_queue_full(
    backend: OtlpSink, tmp_path: Path
) -> None:
    need(servers.COLLECTOR)
    tiny = "{queue_size: 2000, batch: {min_size: 1000, max_size: 2000}}"
    overlay = f"yaml:exporters::otlp_grpc/evaluation::sending_queue: {tiny}"
    down = "127.0.0.1:1"
    sent = [(f"chat {number}", chat_attributes("Why?" * 100)) for number in range(20)]
    with start_collector(tmp_path, evaluation=down, traces_url=backend.endpoint, overlays=[overlay]) as collector:
        results = send(collector, *sent)
        backend.wait_for(lambda sink: named(sink) >= {name for name, _ in sent})
        assert "sending queue is full" in collector.process.log_path.read_text()
    assert results == [SpanExportResult.SUCCESS] * len(sent)
    arrived = [span.name for _, span in backend.spans if span.name.startswith("chat ") and span.name[5:].isdigit()]
    assert sorted(arrived) == sorted(name for name, _ in sent), "each exactly once"
