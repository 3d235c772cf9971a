"""An application sends spans and metrics to one endpoint: the service takes both, in either mode."""

import logging

import grpc
import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from otlp_sink import OtlpSink
from support.service import LengthPipeline, service


def send(exporter: HttpMetrics | GrpcMetrics) -> None:
    """Send three data points, as an application does."""
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
    counter = provider.get_meter("app").create_counter("tokens")
    for model in ("a", "b", "c"):
        counter.add(1, {"model": model})
    provider.shutdown()


def points(page: str, name: str) -> float:
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(name))


def test_without_a_next_receiver_they_are_counted_and_dropped_with_one_line(
    pipeline: LengthPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), service(pipeline) as at:
        for _ in range(2):
            send(HttpMetrics(endpoint=f"{at.http}/v1/metrics"))
            send(GrpcMetrics(endpoint=at.grpc, insecure=True))
        page = httpx.get(f"{at.telemetry}/metrics").text
    assert points(page, "otel_llm_receiver_dropped_metric_points_total") == 12
    assert points(page, "otelcol_receiver_accepted_metric_points_total") == 12
    assert points(page, "otelcol_receiver_refused_metric_points_total") == 0
    assert [line for line in caplog.messages if "dropped" in line or "not delivered" in line] == [
        "metrics arrive and are dropped: set forward.endpoint to pass them on, or let the applications "
        "send theirs elsewhere (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT); this is logged once"
    ]
    assert not any("Failed to export" in line for line in caplog.messages)


def test_with_a_next_receiver_they_go_on(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    with service(pipeline, forward={"endpoint": sink.endpoint}) as at:
        send(HttpMetrics(endpoint=f"{at.http}/v1/metrics"))
        sink.wait_for(lambda sink: sink.metrics)
        page = httpx.get(f"{at.telemetry}/metrics").text
    assert points(page, "otel_llm_receiver_dropped_metric_points_total") == 0


def test_what_is_no_metrics_request_is_refused_all_the_same(pipeline: LengthPipeline) -> None:
    headers = {"content-type": "application/x-protobuf"}
    with service(pipeline) as at:
        assert httpx.post(f"{at.http}/v1/metrics", content=b"\xff\xff", headers=headers).status_code == 400
        channel = grpc.insecure_channel(at.grpc)
        export = channel.unary_unary("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
        with pytest.raises(grpc.RpcError) as raised:
            export(b"\xff\xff")
        channel.close()
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
