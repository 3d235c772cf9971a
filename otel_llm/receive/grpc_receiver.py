"""OTLP/gRPC: a generic handler on raw bytes, so that grpc parses nothing for us."""

from __future__ import annotations

import socket
from typing import Final

import grpc

from otel_llm.receive.intake import Intake
from otel_llm.receive.refusal import Refusal

_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class GrpcReceiver:
    """The server behind the gRPC port."""

    def __init__(self, intake: Intake, sock: socket.socket, *, max_bytes: int) -> None:
        """Take over the port of a bound socket, and requests of up to `max_bytes`."""
        self._intake = intake
        self._max_bytes = max_bytes
        self._sock = sock
        host, self.port = sock.getsockname()[:2]
        self._address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", self._max_bytes),  # holds after decompression as well
                # two services on one port would otherwise share its connections, without a word
                ("grpc.so_reuseport", 0),
            ]
        )
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(self._export)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": method}),))
        self._sock.close()  # grpc opens its own; ours has kept the port until now
        server.add_insecure_port(self._address)
        await server.start()
        self._server = server

    async def stop(self, timeout_s: float) -> None:
        """Take no more requests, and finish those under way within the time."""
        if self._server is not None:
            await self._server.stop(timeout_s)

    async def _export(self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            return self._intake.take(body, "grpc").SerializeToString()
        except Refusal as refusal:
            await context.abort(
                _CODES[refusal.code],
                refusal.message,
                trailing_metadata=(("grpc-status-details-bin", refusal.status().SerializeToString()),),
            )
            raise AssertionError("abort raises") from refusal
