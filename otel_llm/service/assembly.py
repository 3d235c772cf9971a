"""The service put together: its stages, in the order in which they start."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from otel_llm.config.service import ServiceSettings
from otel_llm.evaluate.run.pipeline import Pipeline
from otel_llm.masking.texts import masker
from otel_llm.ports import address
from otel_llm.queue.base import Queue
from otel_llm.report.debug_page import State
from otel_llm.report.live_feed import LiveFeed
from otel_llm.report.telemetry import ServiceTelemetry
from otel_llm.service.debug_state import DebugState
from otel_llm.service.flow.admit import QueueSink
from otel_llm.service.flow.open_records import RecordRefs
from otel_llm.service.running import Load, Service
from otel_llm.service.stages.base import Deadline, Stages, stage
from otel_llm.service.stages.evaluation import consuming, loaded_evaluators
from otel_llm.service.stages.own_telemetry import open_metrics, open_traces, serving_telemetry
from otel_llm.service.stages.ports import bound_ports, receiving
from otel_llm.service.stages.storage import open_deliveries, open_letters, open_queue

_USUAL_REQUEST_BYTES: Final = 256 << 10
"""Without room for so many bytes, or an eighth of the queue, the service is not ready."""

_log: Final = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def running(
    settings: ServiceSettings, load: Load = Pipeline.load, *, telemetry_host: str | None = None
) -> AsyncIterator[Service]:
    """Run the service in this event loop for as long as the context is open.

    The telemetry port is on `telemetry_host`, or where the settings say. The stages stop in the reverse order of
    the list below: the receivers stop, the queue drains, what was sent is delivered, and only then do metrics and
    health go, all within `shutdown_timeout_s`.

    Raises:
        PortTakenError: a port is in use.
        ConfigError: an evaluator that is not installed, or a certificate that cannot be used.
        ModelError: an evaluator cannot be loaded.
        QueueError: the queue's folder cannot be used.
    """
    host = telemetry_host or settings.telemetry_host or settings.host
    if settings.inline.content == "mask":
        masker()  # reports a missing package now, and spares the first span the wait
    deadline = Deadline(settings.shutdown_timeout_s)
    feed = LiveFeed(asyncio.get_running_loop()) if settings.debug_calls else None
    async with Stages() as stages:
        # ports before models: a port that is taken is reported at once, not after the models are loaded
        sockets = await stages.start(bound_ports(settings, host))
        metrics = await stages.start(open_metrics(settings.metrics))
        telemetry = await stages.start(serving_telemetry(metrics, feed, sockets.telemetry, deadline))
        traces = await stages.start(open_traces(settings.traces, deadline))
        queue = await stages.start(open_queue(settings.queue, metrics))
        letters = open_letters(settings, metrics)
        deliveries = await stages.start(open_deliveries(settings, metrics, letters, deadline))
        refs = RecordRefs(queue.settle)
        evaluation = await stages.start(
            loaded_evaluators(
                settings,
                load,
                refs=refs,
                metrics=metrics,
                events=deliveries.get("events"),
                feed=feed,
                traces=traces,
            )
        )
        consumption = await stages.start(
            consuming(
                settings, evaluation, queue=queue, refs=refs, letters=letters, metrics=metrics,
                deliveries=deliveries, deadline=deadline,
            )
        )  # fmt: skip
        sink = QueueSink(queue, traces, metrics, consumption.planner.concerns, forwards="forward" in deliveries)
        receivers = await stages.start(receiving(sink, metrics, settings.receive, sockets, deadline))
        service = Service(
            settings,
            load,
            evaluation,
            consumption.planner,
            grpc=address(settings.host, receivers.grpc_port),
            http=f"{settings.receive.scheme}://{address(settings.host, sockets.http.getsockname()[1])}",
            telemetry=f"http://{address(host, sockets.telemetry.getsockname()[1])}",
        )
        debug = DebugState(
            queue=queue,
            intake=receivers.intake,
            evaluation=evaluation,
            deliveries=deliveries,
            letters=letters,
            losses=consumption.losses,
        )
        must_live = [
            *consumption.threads,
            *queue.threads,
            *(thread for each in deliveries.values() for thread in each.sender.threads),
        ]
        await stages.start(_ready(telemetry, queue, must_live, lambda: debug.state(service.settings), deadline))
        yield service


@stage("readiness")
async def _ready(
    telemetry: ServiceTelemetry,
    queue: Queue,
    must_live: Sequence[threading.Thread],
    state: Callable[[], State],
    deadline: Deadline,
) -> AsyncIterator[None]:
    """Say that the service is ready while the context is open. At the end, start the deadline's clock."""
    usual_bytes = min(_USUAL_REQUEST_BYTES, queue.max_bytes // 8)
    telemetry.inspect = state
    telemetry.refusal = lambda: queue.admits("", usual_bytes)
    telemetry.threads = must_live
    telemetry.ready = True
    try:
        yield
    finally:
        deadline.start()
        _log.info("stopping, within %g s: %d requests are not done yet", deadline.timeout_s, queue.pending)
        telemetry.ready = False
        telemetry.threads = ()
