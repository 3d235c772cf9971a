"""Evaluates batches of calls, and hands results to waiting requests, events, metrics and the live feed."""

from __future__ import annotations

import functools
import logging
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Final

from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.run.pipeline import Evaluation, Pipeline
from otel_llm.report.events import events_request
from otel_llm.report.live_feed import LiveFeed
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.own_traces import OwnTraces
from otel_llm.service.flow.delivery import Delivery
from otel_llm.service.flow.open_records import RecordRefs
from otel_llm.service.flow.pending_call import PendingCall

_LOOK_S: Final = 0.2
"""Seconds after which a thread that waits for room looks whether it is to stop."""

_log: Final = logging.getLogger(__name__)


class EvaluationStage:
    """Runs the pipeline over batches. `work` runs in the batcher's thread, all else in the event loop.

        evaluating --stop--> stopping --close--> closed

    evaluating: a batch waits until the destination of events has room; the calls behind it wait in the queue.
    stopping: a batch that would have to wait is left; its records stay open and come again. closed: a batch that
    is being evaluated is given up, too. A replaced pipeline is closed between two batches. At most two pipelines
    are loaded: the one in use and the one for the next batch.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        refs: RecordRefs,
        metrics: ServiceMetrics,
        *,
        events: Delivery | None,
        explanations: bool,
        not_applicable: bool,
        feed: LiveFeed | None,
        traces: OwnTraces,
    ) -> None:
        """Send results to `events`; if None, a call is done once it is evaluated."""
        self._pipeline = pipeline
        self._next: Pipeline | None = None
        self._replacing = threading.Lock()
        self._refs = refs
        self._metrics = metrics
        self._events = events
        self._explanations = explanations
        self._not_applicable = not_applicable
        self._feed = feed
        self._traces = traces
        self._stopping = threading.Event()

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline in use from the next batch on."""
        return self._next or self._pipeline

    def replace(self, pipeline: Pipeline) -> None:
        """Use another pipeline from the next batch on, and close the previous one."""
        with self._replacing:
            displaced, self._next = self._next, pipeline
        if displaced:
            displaced.close()

    def close(self) -> None:
        """Give up the batch that is being evaluated."""
        with self._replacing:
            if self._next:
                self._next.close()
        self._pipeline.close()

    def stop(self) -> None:
        """Wait no longer for room: calls that are not evaluated yet stay in the queue."""
        self._stopping.set()

    def work(self, pending: Sequence[PendingCall]) -> None:
        """Evaluate a batch."""
        if not self._wait_for_room():
            return
        with self._replacing:
            if self._next:
                self._pipeline.close()
                self._pipeline, self._next = self._next, None
        calls = [each.call for each in pending]
        selected = [each.selected for each in pending]
        try:
            with self._traces.span("evaluate", {"otel_llm.calls": len(calls)}, calls):
                evaluation = self._pipeline.evaluate(calls, selected)
        except CancelledError:
            return  # `close` was called: the calls stay in the queue
        except Exception as error:
            _log.exception("a batch of %d calls could not be evaluated", len(calls))
            evaluation = self._pipeline.failed(calls, error, selected)
        self._report(pending, evaluation)

    def _wait_for_room(self) -> bool:
        """Return True once results may be sent; False if the stage is to stop before."""
        while self._events and not self._events.wait_for_room(_LOOK_S):
            if self._stopping.is_set():
                return False
        return True

    def _report(self, pending: Sequence[PendingCall], evaluation: Evaluation) -> None:
        by_call: dict[int, list[Result]] = defaultdict(list)
        for result in evaluation.results:
            by_call[id(result.call)].append(result)
        by_tenant: dict[str, list[PendingCall]] = defaultdict(list)
        for each in pending:
            if each.on_results:
                each.on_results(by_call[id(each.call)])
            by_tenant[each.tenant].append(each)
        for tenant, theirs in by_tenant.items():
            self._deliver(tenant, theirs, [result for each in theirs for result in by_call[id(each.call)]])
        drift = self._pipeline.drift_states()
        self._metrics.evaluated(evaluation.results, evaluation.durations_s, drift)
        if self._feed:
            self._feed.publish([each.call for each in pending], evaluation.results, drift)

    def _deliver(self, tenant: str, pending: Sequence[PendingCall], results: Sequence[Result]) -> None:
        release = functools.partial(self._refs.release, [each.sequence for each in pending])
        if not self._not_applicable:
            results = [result for result in results if result.label != "not_applicable"]
        if not self._events or not results:
            release()
            return
        try:
            body = events_request(results, explanations=self._explanations)
        except Exception:
            # a fault of ours: unreleased, the calls would come again at each start, and hold up the queue for ever
            _log.exception("%d results could not be written as events", len(results))
            release()
            return
        self._events.send("logs", body, len(results), tenant, release)
