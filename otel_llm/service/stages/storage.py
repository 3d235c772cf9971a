"""The places of requests and events in the service: the queue, the senders, the dead letters."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Final, Literal

from otel_llm.config.queue import QueueSettings
from otel_llm.config.send import DestinationSettings
from otel_llm.config.service import ServiceSettings
from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.queue.base import Queue
from otel_llm.queue.durable import DurableQueue
from otel_llm.queue.memory import MemoryQueue
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.send.client import open_client
from otel_llm.send.sender import Sender
from otel_llm.service.flow.delivery import Delivery
from otel_llm.service.stages.base import Deadline, stage

_log: Final = logging.getLogger(__name__)


@stage("queue")
async def open_queue(settings: QueueSettings, metrics: ServiceMetrics) -> AsyncIterator[Queue]:
    """Have the queue: on disk if the settings name a folder, else in memory.

    Raises:
        QueueError: the folder cannot be used.
    """
    queue: Queue
    if settings.folder is None:
        _log.warning("queue.folder is not set: what waits is in memory, and a crash loses it")
        queue = MemoryQueue(max_bytes=settings.max_bytes)
    else:
        queue = DurableQueue(settings.folder, max_bytes=settings.max_bytes, fsync=settings.fsync)
    try:
        metrics.watch_queue(queue)
        yield queue
    finally:
        queue.close()


def open_letters(settings: ServiceSettings, metrics: ServiceMetrics) -> DeadLetters:
    """Return the writer of dead letters, which needs no end.

    Raises:
        ConfigError: the file cannot be written.
    """
    letters = DeadLetters(
        settings.dead_letters.file,
        max_bytes=settings.dead_letters.max_bytes,
        fsync=settings.queue.fsync != "never",
    )
    metrics.watch_dead_letters(lambda: {str(stage): count for stage, count in letters.counts.items()})
    return letters


@stage("deliveries")
async def open_deliveries(
    settings: ServiceSettings, metrics: ServiceMetrics, letters: DeadLetters, deadline: Deadline
) -> AsyncIterator[Mapping[str, Delivery]]:
    """Have the deliveries to "events" and "forward", as far as their endpoints are set.

    At the end, both send what waits at the same time: a destination that is down takes no time from the other.
    """
    deliveries: dict[str, Delivery] = {}

    def deliver(name: Literal["events", "forward"], destination: DestinationSettings) -> None:
        sender = Sender(name, open_client(destination), destination, metrics)
        deliveries[name] = Delivery(name, sender, letters)

    try:
        if settings.events.endpoint:
            deliver("events", settings.events)
        else:
            _log.warning("events.endpoint is not set: results are metrics alone, no events are sent")
        if settings.forward.endpoint:
            deliver("forward", settings.forward)
        metrics.watch_exporters({name: each.sender for name, each in deliveries.items()})
        yield deliveries
    finally:
        await asyncio.gather(*(_close(name, each, deadline) for name, each in deliveries.items()))


async def _close(name: str, delivery: Delivery, deadline: Deadline) -> None:
    left = await asyncio.to_thread(delivery.close, deadline.left_s())
    if left:
        _log.warning("%d items for %s.endpoint were not sent before shutdown_timeout_s was over", left, name)
