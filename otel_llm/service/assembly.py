"""The service put together: receivers, queue, consumer, evaluators and senders in one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Literal

from otel_llm.config.send import DestinationSettings
from otel_llm.config.service import ServiceSettings
from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.evaluate.run.batcher import Batcher
from otel_llm.evaluate.run.pipeline import Pipeline
from otel_llm.masking.texts import masker
from otel_llm.ports import address, bind
from otel_llm.queue.base import Queue
from otel_llm.queue.durable import DurableQueue
from otel_llm.queue.memory import MemoryQueue
from otel_llm.receive.grpc.receiver import GrpcReceiver
from otel_llm.receive.http.asgi import AsgiServer
from otel_llm.receive.http.receiver import HttpReceiver
from otel_llm.receive.intake import Intake
from otel_llm.report.client_metrics import ClientMetrics
from otel_llm.report.feed import Feed
from otel_llm.report.gpu import watch_gpus
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.own_traces import OwnTraces
from otel_llm.report.process import watch_process
from otel_llm.report.telemetry import Telemetry
from otel_llm.send.client import open_client
from otel_llm.send.sender import Sender
from otel_llm.service.background import in_background
from otel_llm.service.debug_state import Inspection
from otel_llm.service.flow.admit import QueueSink
from otel_llm.service.flow.consumer import Consumer
from otel_llm.service.flow.delivery import Delivery
from otel_llm.service.flow.evaluation import Evaluator
from otel_llm.service.flow.forward import Onward
from otel_llm.service.flow.open_records import Ledger
from otel_llm.service.flow.pending_call import Task
from otel_llm.service.flow.record_reading import Reader
from otel_llm.service.running import Load, Service, selection_of

_LAST_S: Final = 1.0
"""What requests under way get to finish once the end has begun, and what is left for events at its very end."""
_LAST_SHARE: Final = 0.25
"""Of the time for the end, what each of those gets at most."""
_LOOK_S: Final = 0.02
_USUAL_REQUEST_BYTES: Final = 256 << 10
"""Without room for so much, or an eighth of the queue, the service is not ready."""

_log: Final = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def running(
    settings: ServiceSettings, load: Load = Pipeline.load, *, telemetry_host: str | None = None
) -> AsyncIterator[Service]:
    """Run the service in this event loop for as long as the context is open.

    Its telemetry port is on `telemetry_host`, or else where the settings say. What is opened first is closed last:
    at the end the receivers stop, the queue drains, what was sent is delivered, and only then do metrics and
    health go, all within `shutdown_timeout_s`.

    Raises:
        PortTakenError: a port is in use.
        ConfigError: an evaluator that is not installed, or a certificate that cannot be used.
        ModelError: an evaluator cannot be loaded.
        QueueError: the queue's folder cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        yield await _Assembly(
            settings, load, stack, telemetry_host or settings.telemetry_host or settings.host
        ).start()


class _Assembly:
    """Opens the parts, in the order of their dependence."""

    def __init__(
        self, settings: ServiceSettings, load: Load, stack: contextlib.AsyncExitStack, telemetry_host: str
    ) -> None:
        self._settings = settings
        self._telemetry_host = telemetry_host
        self._load = load
        self._stack = stack
        self._deadline = _Deadline(settings.shutdown_timeout_s)

    async def start(self) -> Service:
        settings, stack = self._settings, self._stack
        if settings.inline.content == "mask":
            masker()  # what it lacks is said now, and the first span need not wait for it
        # ports before models: what is wrong with a port is said at once, not after the models are loaded
        telemetry_socket = stack.enter_context(
            bind(self._telemetry_host, settings.telemetry_port, "--telemetry-port")
        )
        http_socket = self._bind(settings.http_port, "--http-port")
        grpc_socket = self._bind(settings.grpc_port, "--grpc-port")

        telemetry = await self._open_telemetry(telemetry_socket)
        queue = self._open_queue()
        deliveries = self._open_deliveries()
        evaluator, consumer, batcher = await self._open_evaluation(queue, deliveries)
        intake = Intake(
            QueueSink(queue, self._traces, consumer.concerns, passes_on="forward" in deliveries),
            self._metrics,
            settings.receive,
        )
        self._metrics.watch_refusals(lambda: intake.refusals)
        grpc_port = await self._receive(intake, http_socket, grpc_socket)
        service = Service(
            settings,
            self._load,
            evaluator,
            consumer,
            grpc=address(settings.host, grpc_port),
            http=f"{settings.receive.scheme}://{address(settings.host, http_socket.getsockname()[1])}",
            telemetry=f"http://{address(self._telemetry_host, telemetry_socket.getsockname()[1])}",
        )
        inspection = Inspection(
            queue=queue, intake=intake, evaluator=evaluator, deliveries=deliveries, letters=self._letters
        )
        telemetry.inspect = lambda: inspection.state(service.settings)
        usual_bytes = min(_USUAL_REQUEST_BYTES, queue.max_bytes // 8)
        telemetry.refusal = lambda: queue.admits("", usual_bytes)
        telemetry.threads = [
            consumer.thread,
            batcher.thread,
            *queue.threads,
            *(thread for each in deliveries.values() for thread in each.sender.threads),
        ]
        telemetry.ready = True
        stack.callback(self._begin_end, telemetry, queue)
        return service

    async def _open_telemetry(self, sock: socket.socket) -> Telemetry:
        settings, stack = self._settings, self._stack
        self._metrics = ServiceMetrics(max_label_values=settings.metrics.max_label_values)
        stack.callback(self._metrics.close)
        watch_process(self._metrics.meter)
        watch_gpus(self._metrics.meter)
        self._feed = Feed(asyncio.get_running_loop()) if settings.debug_calls else None
        telemetry = Telemetry(self._metrics, self._feed)
        await self._serve(telemetry.app, sock)
        if self._feed:
            stack.callback(self._feed.close)
        self._traces = traces = OwnTraces(settings.traces)

        async def end_traces() -> None:
            try:
                async with asyncio.timeout(max(self._deadline.left_s(), self._deadline.last_s)):
                    await in_background("end traces", traces.close)
            except TimeoutError:
                _log.warning("the service's own spans were not sent before shutdown_timeout_s was over")

        stack.push_async_callback(end_traces)
        return telemetry

    def _open_queue(self) -> Queue:
        settings = self._settings.queue
        queue: Queue
        if settings.folder is None:
            _log.warning("queue.folder is not set: what waits is in memory, and a crash loses it")
            queue = MemoryQueue(max_bytes=settings.max_bytes)
        else:
            queue = DurableQueue(settings.folder, max_bytes=settings.max_bytes, fsync=settings.fsync)
        self._stack.callback(queue.close)
        self._metrics.watch_queue(queue)
        return queue

    def _open_deliveries(self) -> dict[str, Delivery]:
        settings = self._settings
        self._letters = letters = DeadLetters(
            settings.dead_letters.file,
            max_bytes=settings.dead_letters.max_bytes,
            fsync=settings.queue.fsync != "never",
        )
        self._metrics.watch_dead_letters(lambda: {str(stage): count for stage, count in letters.counts.items()})
        deliveries: dict[str, Delivery] = {}

        async def close() -> None:  # at the same time: one that is down takes nothing from the other's
            await asyncio.gather(*(self._close(stage, each) for stage, each in deliveries.items()))

        self._stack.push_async_callback(close)
        if settings.events.endpoint:
            deliveries["events"] = self._deliver("events", settings.events)
        else:
            _log.warning("events.endpoint is not set: results are metrics alone, no events are sent")
        if settings.forward.endpoint:
            deliveries["forward"] = self._deliver("forward", settings.forward)
        self._metrics.watch_exporters({name: each.sender for name, each in deliveries.items()})
        return deliveries

    async def _open_evaluation(
        self, queue: Queue, deliveries: Mapping[str, Delivery]
    ) -> tuple[Evaluator, Consumer, Batcher[Task]]:
        settings, metrics = self._settings, self._metrics
        pipeline = await asyncio.to_thread(self._load, settings.evaluate)
        forward, events = deliveries.get("forward"), deliveries.get("events")
        ledger = Ledger(queue.settle)
        evaluator = Evaluator(
            pipeline,
            ledger,
            metrics,
            events=events,
            explanations=settings.events.explanations,
            feed=self._feed,
            traces=self._traces,
        )
        self._stack.callback(evaluator.close)
        selection = selection_of(settings, pipeline)
        batcher: Batcher[Task] = Batcher(
            evaluator.work,
            max_batch=settings.queue.max_batch,
            max_delay_s=settings.queue.max_delay_s,
            max_bytes=settings.queue.max_batch_bytes,
        )
        derived = settings.derive_metrics
        max_values = settings.metrics.max_label_values
        consumer = await asyncio.to_thread(
            Consumer,
            queue=queue,
            ledger=ledger,
            batcher=batcher,
            reader=Reader(self._letters),
            onward=Onward(forward, ledger, settings.inline) if forward else None,
            # inline, the evaluation holds nothing up: calls whose results nobody takes go on without it
            held_tenants=forward.held_tenants if forward else events.held_tenants if events else frozenset,
            skipped_tenants=events.held_tenants if forward and events else frozenset,
            selection=selection,
            metrics=metrics,
            client_metrics=(
                ClientMetrics(metrics.meter, derived, max_label_values=max_values) if derived.enabled else None
            ),
            joins=settings.joins,
            inline=settings.inline,
        )

        async def drain() -> None:
            consumer.drain()
            await self._drain(queue)
            evaluator.stop()
            await asyncio.to_thread(consumer.stop, self._deadline.left_s())
            await asyncio.to_thread(batcher.close, self._deadline.left_s() - self._deadline.last_s)

        self._stack.push_async_callback(drain)
        return evaluator, consumer, batcher

    def _bind(self, port: int, option: str) -> socket.socket:
        reuse_port = self._settings.receive.reuse_port
        return self._stack.enter_context(bind(self._settings.host, port, option, reuse_port=reuse_port))

    async def _serve(self, app: Any, sock: socket.socket, **options: Any) -> None:
        server = AsgiServer(app, sock, timeout_s=self._deadline.last_s, **options)
        self._stack.push_async_callback(server.stop)
        await server.start()

    def _deliver(self, stage: Literal["events", "forward"], settings: DestinationSettings) -> Delivery:
        return Delivery(stage, Sender(stage, open_client(settings), settings, self._metrics), self._letters)

    async def _close(self, stage: str, delivery: Delivery) -> None:
        left = await asyncio.to_thread(delivery.close, self._deadline.left_s())
        if left:
            _log.warning("%d items for %s.endpoint were not sent before shutdown_timeout_s was over", left, stage)

    async def _receive(self, intake: Intake, http_socket: socket.socket, grpc_socket: socket.socket) -> int:
        """Return the port of OTLP/gRPC: its socket is gRPC's own."""
        settings = self._settings.receive
        grpc = GrpcReceiver(intake, grpc_socket, settings)
        self._stack.push_async_callback(grpc.stop, self._deadline.last_s)
        await grpc.start()
        await self._serve(HttpReceiver(intake, settings), http_socket, tls=settings.tls)
        return int(grpc.port)

    async def _drain(self, queue: Queue) -> None:
        """Wait until all that was taken is done with, or the time is up."""
        while queue.pending and self._deadline.left_s() > self._deadline.last_s:  # noqa: ASYNC110 - threads settle it
            await asyncio.sleep(_LOOK_S)
        if queue.pending:
            kept = "are lost" if isinstance(queue, MemoryQueue) else "wait in queue.folder for the next start"
            _log.warning(
                "%d requests were not done before shutdown_timeout_s was over: they %s", queue.pending, kept
            )

    def _begin_end(self, telemetry: Telemetry, queue: Queue) -> None:
        _log.info(
            "stopping, within %g s: %d requests are not done yet", self._settings.shutdown_timeout_s, queue.pending
        )
        telemetry.ready = False
        telemetry.threads = ()
        self._deadline.start()


class _Deadline:
    """The time that is left once the end has begun."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.last_s = min(_LAST_S, timeout_s * _LAST_SHARE)
        """What is kept of it for each of the last steps."""
        self._end: float | None = None

    def start(self) -> None:
        self._end = asyncio.get_running_loop().time() + self._timeout_s

    def left_s(self) -> float:
        if self._end is None:  # the service did not come up: nothing waits
            return 0.0
        return max(0.0, self._end - asyncio.get_running_loop().time())
