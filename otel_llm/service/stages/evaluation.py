"""The evaluators, and the thread that takes records for them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, NamedTuple

from otel_llm.config.service import ServiceSettings
from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.evaluate.run.batcher import Batcher
from otel_llm.queue.base import Queue
from otel_llm.queue.memory import MemoryQueue
from otel_llm.report.client_metrics import ClientMetrics
from otel_llm.report.live_feed import LiveFeed
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.own_traces import OwnTraces
from otel_llm.service.flow.delivery import Delivery
from otel_llm.service.flow.evaluation import EvaluationStage
from otel_llm.service.flow.forward import Forwarder
from otel_llm.service.flow.handle import RecordHandler
from otel_llm.service.flow.join import CallJoiner
from otel_llm.service.flow.losses import Losses
from otel_llm.service.flow.modes import InlineMode, Mode, TapMode
from otel_llm.service.flow.open_records import RecordRefs
from otel_llm.service.flow.pending_call import PendingCall
from otel_llm.service.flow.plan import Planner
from otel_llm.service.flow.recent_spans import RecentSpans
from otel_llm.service.flow.request_reader import RequestReader
from otel_llm.service.flow.take import Consumer
from otel_llm.service.flow.trace_store import TraceStore
from otel_llm.service.running import Load, selection_of
from otel_llm.service.stages.base import Deadline, stage

_RECENT_SPANS: Final = 100_000
_LOOK_S: Final = 0.02
"""Seconds after which a queue that drains is looked at again."""

_log: Final = logging.getLogger(__name__)


class Consumption(NamedTuple):
    """A consumer that runs."""

    planner: Planner
    losses: Losses
    threads: Sequence[threading.Thread]
    """Threads that must live."""


@stage("evaluators")
async def loaded_evaluators(
    settings: ServiceSettings,
    load: Load,
    *,
    refs: RecordRefs,
    metrics: ServiceMetrics,
    events: Delivery | None,
    feed: LiveFeed | None,
    traces: OwnTraces,
) -> AsyncIterator[EvaluationStage]:
    """Have the evaluators loaded. At the end, a batch that is being evaluated is given up.

    Raises:
        ConfigError: an evaluator is not installed.
        ModelError: an evaluator cannot be loaded.
    """
    pipeline = await asyncio.to_thread(load, settings.evaluate)
    evaluation = EvaluationStage(
        pipeline,
        refs,
        metrics,
        events=events,
        explanations=settings.events.explanations,
        not_applicable=settings.events.not_applicable,
        feed=feed,
        traces=traces,
    )
    try:
        yield evaluation
    finally:
        evaluation.close()


@stage("consumer")
async def consuming(
    settings: ServiceSettings,
    evaluation: EvaluationStage,
    *,
    queue: Queue,
    refs: RecordRefs,
    letters: DeadLetters,
    metrics: ServiceMetrics,
    deliveries: Mapping[str, Delivery],
    deadline: Deadline,
) -> AsyncIterator[Consumption]:
    """Take records from the queue. At the end, the queue drains until `deadline.last_s` before the deadline.

    Raises:
        ConfigError: an evaluator is selected and does not run.
    """
    selection = selection_of(settings, evaluation.pipeline)
    batcher: Batcher[PendingCall] = Batcher(
        evaluation.work,
        max_batch=settings.queue.max_batch,
        max_delay_s=settings.queue.max_delay_s,
        max_bytes=settings.queue.max_batch_bytes,
    )
    store: TraceStore[PendingCall] = TraceStore(settings.joins, time.monotonic)
    losses = Losses(max_label_values=settings.metrics.max_label_values, clock=time.monotonic)
    metrics.watch_not_evaluated(losses.not_evaluated)
    metrics.watch_problems(losses.problems)
    reader = RequestReader(letters)
    planner = Planner(
        reader=reader,
        store=store,
        recent=RecentSpans(_RECENT_SPANS),
        selection=selection,
        losses=losses,
        client_metrics=_client_metrics(settings, metrics),
        first_sequence=queue.first,
    )
    mode = _mode(settings, batcher, refs, metrics, deliveries)
    joiner = CallJoiner(store, batcher, losses)
    handler = RecordHandler(refs=refs, reader=reader, planner=planner, mode=mode, joiner=joiner)
    consumer = Consumer(
        queue=queue, mode=mode, handler=handler, joiner=joiner, batcher=batcher, clock=time.monotonic
    )
    await asyncio.to_thread(consumer.start)
    try:
        yield Consumption(planner, losses, [consumer.thread, batcher.thread])
    finally:
        consumer.drain()
        await _drain(queue, deadline)
        evaluation.stop()
        await asyncio.to_thread(consumer.stop, deadline.left_s())
        await asyncio.to_thread(batcher.close, deadline.left_s() - deadline.last_s)


def _client_metrics(settings: ServiceSettings, metrics: ServiceMetrics) -> ClientMetrics | None:
    derived = settings.derive_metrics
    if not derived.enabled:
        return None
    return ClientMetrics(metrics.meter, derived, max_label_values=settings.metrics.max_label_values)


def _mode(
    settings: ServiceSettings,
    batcher: Batcher[PendingCall],
    refs: RecordRefs,
    metrics: ServiceMetrics,
    deliveries: Mapping[str, Delivery],
) -> Mode:
    events = deliveries.get("events")
    without_events = events.held_tenants if events else frozenset
    forward = deliveries.get("forward")
    if forward is None:
        return TapMode(batcher, held_tenants=without_events)
    return InlineMode(
        forwarder=Forwarder(forward, refs, settings.inline),
        refs=refs,
        batcher=batcher,
        skipped_tenants=without_events,
        settings=settings.inline,
        metrics=metrics,
        clock=time.monotonic,
    )


async def _drain(queue: Queue, deadline: Deadline) -> None:
    """Return once all records are settled, or the time is up."""
    while queue.pending and deadline.left_s() > deadline.last_s:  # noqa: ASYNC110 - threads settle records
        await asyncio.sleep(_LOOK_S)
    if queue.pending:
        kept = "are lost" if isinstance(queue, MemoryQueue) else "wait in queue.folder for the next start"
        _log.warning("%d requests were not done before shutdown_timeout_s was over: they %s", queue.pending, kept)
