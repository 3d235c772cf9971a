"""OTLP/gRPC: generic handlers on raw bytes, so that grpc parses nothing for us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import grpc

from otel_llm.config.receive import ReceiverSettings
from otel_llm.otlp.signals import SIGNALS, Signal
from otel_llm.receive.intake import Intake
from otel_llm.receive.refusal import Reason, Refusal
from otel_llm.receive.tls import grpc_tls

Context = grpc.aio.ServicerContext[bytes, bytes]

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_MAX_METADATA_BYTES: Final = 16 << 10
_MIN_PING_INTERVAL_MS: Final = 10_000
"""Interval at which senders may ping; gRPC's default would cut off a sender that pings every minute."""
_USUAL_BYTES: Final = 64 << 10
"""Bytes held at first for a request of unknown length: gRPC buffers as much by itself."""


class GrpcReceiver:
    """The server behind the gRPC port. Used in the event loop.

        made --start--> listening --stop--> stopped

    A request holds the average bytes of recent requests until its body has come, then its own.
    """

    def __init__(self, intake: Intake, sock: socket.socket, settings: ReceiverSettings) -> None:
        """Take over the port of a bound socket.

        Raises:
            ConfigError: a file of `receive.tls` cannot be used.
        """
        self._intake = intake
        self._settings = settings
        self._credentials = grpc_tls(settings.tls)
        self._sock = sock
        host, self.port = sock.getsockname()[:2]
        self._address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._server: grpc.aio.Server | None = None
        self._usual_bytes = min(_USUAL_BYTES, settings.max_request_bytes)

    async def start(self) -> None:
        """Listen."""
        server = grpc.aio.server(options=_options(self._settings))
        for signal, facts in SIGNALS.items():
            # one request, one answer on the wire; as a stream, it can be refused before its message is read
            export: Callable[..., Any] = partial(self._export, signal)
            method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(export)
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(facts.service, {"Export": method}),)
            )
        self._sock.close()  # grpc opens its own; ours has kept the port until now
        if self._credentials:
            server.add_secure_port(self._address, self._credentials)
        else:
            server.add_insecure_port(self._address)
        await server.start()
        self._server = server

    async def stop(self, timeout_s: float) -> None:
        """Take no more requests, and finish the requests under way within `timeout_s`."""
        if self._server is not None:
            await self._server.stop(timeout_s)

    async def _export(self, signal: Signal, _: object, context: Context) -> bytes:
        try:
            return await self._answer(signal, context)
        except Refusal as error:
            refusal = error.with_traceback(
                None
            )  # its frames refer to this frame: a cycle, which would keep the request
        except Exception:  # a fault of ours: the sender gets a status, the log the traceback
            refusal = self._intake.failed("grpc", signal)
        self._intake.refused(refusal, "grpc", signal)
        # not abort(): its exception and its frames are a cycle, which keeps the whole request until a collection
        context.set_code(_CODES[refusal.code])
        context.set_details(refusal.message)
        context.set_trailing_metadata((("grpc-status-details-bin", refusal.status().SerializeToString()),))
        return b""

    async def _answer(self, signal: Signal, context: Context) -> bytes:
        headers: dict[str, Any] = dict(context.invocation_metadata() or ())
        origin = self._intake.admit(signal, headers.get, 0)
        with self._intake.hold() as hold:
            hold.resize(self._usual_bytes)
            body = await self._read(context)
            hold.resize(len(body))
            # a moving average of the recent requests
            self._usual_bytes += (len(body) - self._usual_bytes) // 16
            return (await self._intake.take(signal, "grpc", origin, body)).SerializeToString()

    async def _read(self, context: Context) -> bytes:
        timeout_s = self._settings.read_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                body = await context.read()
        except TimeoutError as error:
            raise Refusal(
                Reason.TOO_SLOW, f"the request must arrive within {timeout_s:g} s (receive.read_timeout_s)"
            ) from error
        if not isinstance(
            body, bytes
        ):  # gRPC does not tell the cause; it refuses messages that are too large itself
            raise Refusal(
                Reason.NO_MESSAGE,
                f"no message came: it was above receive.max_request_bytes ({self._settings.max_request_bytes}), "
                "or its sender left",
            )
        return body


def _options(settings: ReceiverSettings) -> list[tuple[str, int]]:
    keepalive = settings.keepalive
    options = {
        "grpc.max_receive_message_length": settings.max_request_bytes,  # holds after decompression as well
        # two services on one port would otherwise share its connections, without a word
        "grpc.so_reuseport": int(settings.reuse_port),
        "grpc.max_metadata_size": _MAX_METADATA_BYTES,
        "grpc.absolute_max_metadata_size": _MAX_METADATA_BYTES,
        "grpc.keepalive_time_ms": round(keepalive.time_s * 1000),
        "grpc.keepalive_timeout_ms": round(keepalive.timeout_s * 1000),
        "grpc.keepalive_permit_without_calls": 1,
        "grpc.http2.min_recv_ping_interval_without_data_ms": _MIN_PING_INTERVAL_MS,
    }
    if keepalive.max_connection_age_s is not None:
        options["grpc.max_connection_age_ms"] = round(keepalive.max_connection_age_s * 1000)
    return list(options.items())
