"""The real Collector with collector/tap.yaml and collector/inline.yaml around the real service."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import set_span_in_context
from otlp_sink import OtlpSink, otlp_sink, plain
from support.servers import need
from support.service import LengthPipeline, service
from support.spans import chat_attributes

from otel_llm.assets import asset
from otel_llm.demo import servers
from otel_llm.demo.servers import Collector, CollectorPorts, start_collector
from otel_llm.ports import free_port

SHOP = Resource({"service.name": "shop"})
INLINE = asset("collector", "inline.yaml")


@dataclass(frozen=True)
class Line:
    collector: Collector
    backend: OtlpSink
    pipeline: LengthPipeline


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    yield from line(tmp_path_factory, overlays=[str(INLINE)], forwards=True)


@pytest.fixture(scope="module")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    yield from line(tmp_path_factory, overlays=[], forwards=False)


def line(folders: pytest.TempPathFactory, *, overlays: list[str], forwards: bool) -> Iterator[Line]:
    need(servers.COLLECTOR)
    pipeline, events = LengthPipeline(), free_port()
    url = f"http://127.0.0.1:{events}"
    settings = {"events": {"endpoint": url}, "queue": {"max_delay_s": 0.01}}
    if forwards:
        settings["forward"] = {"endpoint": url}
    with (
        otlp_sink() as backend,
        service(pipeline, **settings) as at,
        start_collector(
            folders.mktemp("collector"),
            evaluation=at.grpc,
            traces_url=backend.endpoint,
            logs_url=backend.endpoint,
            ports=CollectorPorts(events=events),
            overlays=overlays,
        ) as collector,
    ):
        yield Line(collector, backend, pipeline)


def send_spans(collector: Collector, *spans: tuple[str, dict]) -> None:
    """As an application does: the SDK's exporter over gRPC."""
    provider = TracerProvider(resource=SHOP)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(collector.grpc, insecure=True)))
    for name, attributes in spans:
        provider.get_tracer("test").start_span(name, attributes=attributes).end()
    provider.shutdown()


def send_with_events(collector: Collector, name: str, attributes: dict, events: list[tuple[str, dict]]) -> None:
    """A span whose content comes as log records."""
    traces, logs = TracerProvider(resource=SHOP), LoggerProvider(resource=SHOP)
    traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(collector.grpc, insecure=True)))
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{collector.http_url}/v1/logs")))
    span = traces.get_tracer("test").start_span(name, attributes=attributes)
    for event, said in events:
        logs.get_logger("test").emit(
            event_name=event,
            attributes=said,
            context=set_span_in_context(span),
            severity_number=SeverityNumber.INFO,
        )
    span.end()
    logs.shutdown()
    traces.shutdown()


def by_name(sink: OtlpSink) -> dict[str, dict]:
    return {span.name: plain(span.attributes) for _, span in sink.spans}


def test_the_inline_configuration_is_valid_over_the_tap() -> None:
    need(servers.COLLECTOR)
    files = [f"--config={asset('collector', name)}" for name in ("tap.yaml", "inline.yaml")]
    command = [servers.COLLECTOR.require(), "validate", *files]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_calls_come_to_the_backend_once_with_verdicts_and_other_spans_as_they_are(inline: Line) -> None:
    send_spans(
        inline.collector,
        ("GET /cart", {"http.request.method": "GET"}),
        ("chat", chat_attributes(answer="x" * 60)),
    )
    inline.backend.wait_for(lambda sink: {"GET /cart", "chat"} <= set(by_name(sink)))
    inline.backend.wait_for(lambda sink: [log for _, log in sink.logs if log.event_name])
    attributes = by_name(inline.backend)
    assert attributes["chat"]["otel_llm.evaluation.length.output.label"] == "fail"
    assert attributes["GET /cart"] == {"http.request.method": "GET"}
    assert [span.name for _, span in inline.backend.spans].count("chat") == 1
    assert "GET /cart" not in {call.operation for call in inline.pipeline.seen}


def test_the_tap_evaluates_content_that_comes_as_log_records(tap: Line) -> None:
    attributes = {key: value for key, value in chat_attributes().items() if "messages" not in key}
    said = {key: value for key, value in chat_attributes(answer="y" * 70).items() if "messages" in key}
    events = [("gen_ai.client.inference.operation.details", attributes | said)]
    send_with_events(tap.collector, "chat with events", attributes, events)
    verdicts = tap.backend.wait_for(
        lambda sink: [log for _, log in sink.logs if log.event_name == "gen_ai.evaluation.result"]
    )
    assert plain(verdicts[0].attributes)["gen_ai.evaluation.score.value"] == 0.7
    assert [call.output_text for call in tap.pipeline.seen] == ["y" * 70]
    assert "chat with events" in by_name(tap.backend)


def test_the_tap_sends_no_other_log_record_to_the_evaluation(tap: Line) -> None:
    before = len(tap.backend.logs)
    send_with_events(tap.collector, "GET /", {}, [("order.placed", {}), ("", {"event.name": "gen_ai.choice"})])
    tap.backend.wait_for(lambda sink: len(sink.logs) >= before + 2)
