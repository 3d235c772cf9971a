"""The naive service: grpc.aio with parsed messages, every attribute walked, everything written anew and sent on.

Run by service.py: python benchmarks/service_peer.py forward TARGET | discard
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

LIMIT = [("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)]


class Naive(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, target: str) -> None:
        self.stub = trace_service_pb2_grpc.TraceServiceStub(grpc.aio.insecure_channel(target, options=LIMIT))
        self.calls = 0

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name is gRPC's
        onward = ExportTraceServiceRequest()
        for resource in request.resource_spans:
            walk(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.calls += "gen_ai.operation.name" in walk(span.attributes)
            onward.resource_spans.append(resource)
        return await self.stub.Export(onward)


def walk(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


async def main() -> None:
    server = grpc.aio.server(options=LIMIT)
    if sys.argv[1] == "discard":
        method = grpc.unary_unary_rpc_method_handler(discard)
        service = "opentelemetry.proto.collector.trace.v1.TraceService"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    else:
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Naive(sys.argv[2]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready: 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


async def discard(body: bytes, context: Any) -> bytes:
    return b""


if __name__ == "__main__":
    asyncio.run(main())
