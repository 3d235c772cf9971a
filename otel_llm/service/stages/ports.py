"""The ports of the service, and the receivers on them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from typing import NamedTuple

from otel_llm.config.receive import ReceiverSettings
from otel_llm.config.service import ServiceSettings
from otel_llm.ports import bind
from otel_llm.receive.grpc.receiver import GrpcReceiver
from otel_llm.receive.http.asgi import AsgiServer
from otel_llm.receive.http.receiver import HttpReceiver
from otel_llm.receive.intake import Intake
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.service.flow.admit import QueueSink
from otel_llm.service.stages.base import Deadline, stage


class Sockets(NamedTuple):
    """Bound sockets."""

    telemetry: socket.socket
    http: socket.socket
    grpc: socket.socket


class Receivers(NamedTuple):
    """Receivers that listen."""

    intake: Intake
    grpc_port: int
    """Port of OTLP/gRPC: gRPC has a socket of its own."""


@stage("ports")
async def bound_ports(settings: ServiceSettings, telemetry_host: str) -> AsyncIterator[Sockets]:
    """Hold the ports of the service.

    Raises:
        PortTakenError: a port is in use.
    """
    reuse_port = settings.receive.reuse_port
    with contextlib.ExitStack() as stack:
        yield Sockets(
            stack.enter_context(bind(telemetry_host, settings.telemetry_port, "--telemetry-port")),
            stack.enter_context(bind(settings.host, settings.http_port, "--http-port", reuse_port=reuse_port)),
            stack.enter_context(bind(settings.host, settings.grpc_port, "--grpc-port", reuse_port=reuse_port)),
        )


@stage("receivers")
async def receiving(
    sink: QueueSink, metrics: ServiceMetrics, settings: ReceiverSettings, sockets: Sockets, deadline: Deadline
) -> AsyncIterator[Receivers]:
    """Take requests over both transports. At the end, requests under way get `deadline.last_s`.

    Raises:
        ConfigError: a certificate or the file of tokens cannot be used.
    """
    intake = Intake(sink, metrics, settings)
    metrics.watch_refusals(lambda: intake.refusals)
    async with contextlib.AsyncExitStack() as stack:
        grpc = GrpcReceiver(intake, sockets.grpc, settings)
        stack.push_async_callback(grpc.stop, deadline.last_s)
        await grpc.start()
        app = HttpReceiver(intake, settings)
        http = AsgiServer(app, sockets.http, timeout_s=deadline.last_s, tls=settings.tls)
        stack.push_async_callback(http.stop)
        await http.start()
        yield Receivers(intake, int(grpc.port))
