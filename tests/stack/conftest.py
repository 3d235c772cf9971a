"""Real servers, each in a folder of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from otlp_sink import OtlpSink, otlp_sink
from support.servers import need

from otel_llm.demo import servers
from otel_llm.demo.servers import Collector, start_collector


@pytest.fixture(scope="module")
def backend() -> Iterator[OtlpSink]:
    """Where traces and log records end: OTLP/HTTP."""
    with otlp_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def evaluation() -> Iterator[OtlpSink]:
    """What stands where the evaluation service does: OTLP/gRPC; `endpoint` is host and port."""
    sink = OtlpSink()

    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the name is gRPC's
            sink.take("/v1/traces", request.SerializeToString())
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)
    sink.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield sink
    server.stop(grace=None).wait()


@pytest.fixture(scope="module")
def collector(
    backend: OtlpSink, evaluation: OtlpSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collector]:
    """The real Collector with the tap, between an application, the evaluation service and a backend."""
    need(servers.COLLECTOR)
    with start_collector(
        tmp_path_factory.mktemp("collector"),
        evaluation=evaluation.endpoint,
        traces_url=backend.endpoint,
        logs_url=backend.endpoint,
    ) as running:
        yield running
