"""The evaluation service: receivers, batcher, pipeline and reports in one process, and its command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.config.service import EventSettings, QueueSettings, ServiceSettings, load_settings
from otel_llm.evaluate.batcher import Batcher, Work
from otel_llm.evaluate.pipeline import Pipeline
from otel_llm.ports import bind
from otel_llm.receive.asgi import AsgiServer
from otel_llm.receive.call import Call
from otel_llm.receive.grpc_receiver import GrpcReceiver
from otel_llm.receive.http_receiver import HttpReceiver
from otel_llm.receive.intake import Intake
from otel_llm.report.events import EventExporter
from otel_llm.report.feed import Feed
from otel_llm.report.logs import configure_logging
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.telemetry import Telemetry

_REQUEST_TIMEOUT_S: Final = 1
"""What requests under way get to finish once the end has begun."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a running service listens."""

    grpc: str
    """host:port of OTLP/gRPC."""
    http: str
    """Base URL of OTLP/HTTP."""
    telemetry: str
    """Base URL of /metrics, /healthz and /debug/calls."""


@contextlib.asynccontextmanager
async def running(
    settings: ServiceSettings, load: Callable[[EvaluateSettings], Pipeline] = Pipeline.load
) -> AsyncIterator[Addresses]:
    """Run the service in this event loop for as long as the context is open.

    What is opened first is closed last: at the end the receivers stop, the batcher drains, events are sent,
    and only then do metrics and health go, all within `shutdown_timeout_s`.

    Raises:
        PortTakenError: a port is in use.
        ModelError: an evaluator cannot be loaded.
    """
    deadline = _Deadline(settings.shutdown_timeout_s)
    async with contextlib.AsyncExitStack() as stack:
        # ports before models: what is wrong with a port is said at once, not after the models are loaded
        telemetry_socket = stack.enter_context(bind(settings.host, settings.telemetry_port, "--telemetry-port"))
        http_socket = stack.enter_context(bind(settings.host, settings.http_port, "--http-port"))
        grpc_socket = stack.enter_context(bind(settings.host, settings.grpc_port, "--grpc-port"))

        metrics = ServiceMetrics(max_label_values=settings.metrics.max_label_values)
        stack.callback(metrics.close)
        feed = Feed(asyncio.get_running_loop()) if settings.debug_calls else None
        telemetry = Telemetry(metrics, feed)
        await _serve(stack, telemetry.app, telemetry_socket)
        if feed:
            stack.callback(feed.close)
        events = _open_events(stack, settings.events, deadline)

        pipeline = await asyncio.to_thread(load, settings.evaluate)
        stack.callback(pipeline.close)
        batcher = _open_batcher(stack, settings.queue, _work(pipeline, metrics, events, feed), deadline)
        metrics.watch_oldest_pending(batcher.oldest_pending_s)

        intake, max_bytes = Intake(batcher, metrics), settings.max_request_bytes
        grpc = GrpcReceiver(intake, grpc_socket, max_bytes=max_bytes)
        stack.push_async_callback(grpc.stop, _REQUEST_TIMEOUT_S)
        await grpc.start()
        await _serve(stack, HttpReceiver(intake, max_bytes=max_bytes), http_socket)
        telemetry.ready = True
        try:
            yield Addresses(
                grpc=f"{settings.host}:{grpc.port}",
                http=f"http://{settings.host}:{http_socket.getsockname()[1]}",
                telemetry=f"http://{settings.host}:{telemetry_socket.getsockname()[1]}",
            )
        finally:
            telemetry.ready = False
            deadline.start()


async def _serve(stack: contextlib.AsyncExitStack, app: Any, sock: socket.socket) -> None:
    server = AsgiServer(app, sock, timeout_s=_REQUEST_TIMEOUT_S)
    stack.push_async_callback(server.stop)
    await server.start()


def _open_events(
    stack: contextlib.AsyncExitStack, settings: EventSettings, deadline: _Deadline
) -> EventExporter | None:
    if settings.endpoint is None:
        _log.warning("events.endpoint is not set: results are metrics alone, no events are sent")
        return None
    events = EventExporter(
        settings.endpoint,
        timeout_s=settings.timeout_s,
        queue_size=settings.queue_size,
        explanations=settings.explanations,
    )

    async def close() -> None:
        await asyncio.to_thread(events.close, deadline.left_s())

    stack.push_async_callback(close)
    return events


def _open_batcher(
    stack: contextlib.AsyncExitStack, settings: QueueSettings, work: Work, deadline: _Deadline
) -> Batcher:
    batcher = Batcher(
        work, max_pending=settings.max_pending, max_batch=settings.max_batch, max_delay_s=settings.max_delay_s
    )

    async def close() -> None:
        # a moment is left for the events: what was evaluated should not be lost for one request
        left = await asyncio.to_thread(batcher.close, deadline.left_s() - _REQUEST_TIMEOUT_S)
        if left:
            _log.warning("%d calls were not evaluated before shutdown_timeout_s was over", left)

    stack.push_async_callback(close)
    return batcher


def _work(pipeline: Pipeline, metrics: ServiceMetrics, events: EventExporter | None, feed: Feed | None) -> Work:
    def work(calls: Sequence[Call]) -> None:
        try:
            evaluation = pipeline.evaluate(calls)
        except CancelledError:
            return  # the time to stop is over, and the batcher has said how many calls are left
        except Exception as error:
            _log.exception("a batch of %d calls could not be evaluated", len(calls))
            evaluation = pipeline.failed(calls, error)
        drift = pipeline.drift_states()
        metrics.evaluated(evaluation.results, evaluation.durations_s, drift)
        if events:
            events.emit(evaluation.results)
        if feed:
            feed.publish(calls, evaluation.results, drift)

    return work


class _Deadline:
    """The time that is left once the end has begun."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._end: float | None = None

    def start(self) -> None:
        self._end = asyncio.get_running_loop().time() + self._timeout_s

    def left_s(self) -> float:
        if self._end is None:  # the service did not come up: nothing waits
            return 0.0
        return max(0.0, self._end - asyncio.get_running_loop().time())


async def _run(settings: ServiceSettings) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as at:
        click.echo(f"ready: OTLP/gRPC {at.grpc}, OTLP/HTTP {at.http}, metrics {at.telemetry}/metrics")
        await stop.wait()


@click.command("collector")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file of settings; options override it.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--grpc-port", type=int, help="Port of OTLP/gRPC.  [default: 4317]")
@click.option("--http-port", type=int, help="Port of OTLP/HTTP.  [default: 4318]")
@click.option("--telemetry-port", type=int, help="Port of /metrics and /healthz.  [default: 8888]")
@click.option("--events-endpoint", metavar="URL", help="Base URL of the OTLP/HTTP receiver that events go to.")
@click.option("--debug-calls", is_flag=True, default=None, help="Serve /debug/calls: each evaluated call, live.")
def command(config: Path | None, events_endpoint: str | None, **options: Any) -> None:
    """Evaluate GenAI spans that arrive over OTLP."""
    settings = load_settings(config, {**options, "events.endpoint": events_endpoint})
    configure_logging()
    asyncio.run(_run(settings))
