from collections.abc import Iterator

import grpc
import httpx
import pytest
from google.rpc.code_pb2 import UNAVAILABLE
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from otlp_sink import OtlpSink
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm.collector import Addresses

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
UNLIMITED = [("grpc.max_send_message_length", -1)]


@pytest.fixture(scope="module")
def channel(shared: Addresses) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(shared.grpc, options=UNLIMITED) as channel:
        yield channel


def export(channel: grpc.Channel, data: bytes, **options: object) -> bytes:
    return channel.unary_unary(EXPORT)(data, timeout=20, **options)


def refusal(channel: grpc.Channel, data: bytes, **options: object) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        export(channel, data, **options)
    return caught.value


@pytest.mark.parametrize("compression", list(grpc.Compression))
@pytest.mark.parametrize("data", [b"", body(span())])
def test_success_leaves_partial_success_unset(
    channel: grpc.Channel, data: bytes, compression: grpc.Compression
) -> None:
    assert export(channel, data, compression=compression) == b""


def test_a_rejected_span_is_counted_and_named(channel: grpc.Channel) -> None:
    response = export(channel, body(span(), span(trace_id=b"short")))
    partial = ExportTraceServiceResponse.FromString(response).partial_success
    assert partial.rejected_spans == 1
    assert partial.error_message == "trace_id must be 16 bytes, not all zero, got '73686f7274'"


def test_malformed_protobuf_is_an_invalid_argument(channel: grpc.Channel) -> None:
    error = refusal(channel, b"\x0a\xff")
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "the body is no ExportTraceServiceRequest" in error.details()


@pytest.mark.parametrize("compression", list(grpc.Compression))
def test_a_request_above_the_limit_is_refused_for_good(
    channel: grpc.Channel, compression: grpc.Compression
) -> None:
    error = refusal(channel, bytes(5_000_000), compression=compression)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata() or ())


def test_a_full_queue_refuses_retryably(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    queue = {"max_pending": 1, "max_batch": 1, "max_delay_s": 0}
    with service(pipeline, queue=queue) as at, grpc.insecure_channel(at.grpc) as channel:
        export(channel, body(span()))
        assert pipeline.waiting.wait(20)  # it has left the queue
        export(channel, body(span()))
        error = refusal(channel, body(span()))
        pipeline.gate.set()
        metrics = httpx.get(f"{at.telemetry}/metrics").text
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert status.code == UNAVAILABLE
    details = RetryInfo()
    assert status.details[0].Unpack(details)
    assert details.retry_delay.seconds == 1
    assert 'otelcol_receiver_refused_spans_total{transport="grpc"} 1.0' in metrics


def test_logs_and_metrics_are_not_served(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")(b"", timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_span_of_the_sdk_comes_back_as_an_event_of_that_span(running: Addresses, sink: OtlpSink) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=running.grpc, insecure=True)))
    with provider.get_tracer("test").start_as_current_span("chat m", attributes=chat_attributes()) as sent:
        context = sent.get_span_context()
    [(_, record)] = sink.wait_for(lambda sink: sink.logs)
    provider.shutdown()
    assert int.from_bytes(record.trace_id) == context.trace_id
    assert int.from_bytes(record.span_id) == context.span_id
