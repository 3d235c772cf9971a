"""What the evaluating thread does with a batch of calls: evaluate, and tell everyone whom the results concern."""

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
from otel_llm.report.feed import Feed
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.own_traces import OwnTraces
from otel_llm.service.flow.delivery import Delivery
from otel_llm.service.flow.open_records import Ledger
from otel_llm.service.flow.pending_call import Task

_LOOK_S: Final = 0.2

_log: Final = logging.getLogger(__name__)


class Evaluator:
    """Runs the pipeline over batches, in the batcher's thread."""

    def __init__(
        self,
        pipeline: Pipeline,
        ledger: Ledger,
        metrics: ServiceMetrics,
        *,
        events: Delivery | None,
        explanations: bool,
        feed: Feed | None,
        traces: OwnTraces,
    ) -> None:
        """Send results to `events`; without it a call is done once it is evaluated."""
        self._pipeline = pipeline
        self._next: Pipeline | None = None
        self._replacing = threading.Lock()
        self._ledger = ledger
        self._metrics = metrics
        self._events = events
        self._explanations = explanations
        self._feed = feed
        self._traces = traces
        self._stopping = threading.Event()

    @property
    def pipeline(self) -> Pipeline:
        """The one in use, or the one that will be from the next batch on."""
        return self._next or self._pipeline

    def replace(self, pipeline: Pipeline) -> None:
        """Use another pipeline from the next batch on, and close the one before."""
        with self._replacing:
            displaced, self._next = self._next, pipeline
        if displaced:
            displaced.close()

    def close(self) -> None:
        """Give up what is being evaluated."""
        with self._replacing:
            if self._next:
                self._next.close()
        self._pipeline.close()

    def stop(self) -> None:
        """Wait no longer for room: what is not evaluated yet stays where it is."""
        self._stopping.set()

    def work(self, tasks: Sequence[Task]) -> None:
        """Evaluate a batch."""
        if not self._wait_for_room():
            return
        with self._replacing:
            if self._next:
                self._pipeline.close()
                self._pipeline, self._next = self._next, None
        calls = [task.call for task in tasks]
        selected = [task.selected for task in tasks]
        try:
            with self._traces.span("evaluate", {"otel_llm.calls": len(calls)}, calls):
                evaluation = self._pipeline.evaluate(calls, selected)
        except CancelledError:
            return  # the time to stop is over: the calls stay in the queue
        except Exception as error:
            _log.exception("a batch of %d calls could not be evaluated", len(calls))
            evaluation = self._pipeline.failed(calls, error, selected)
        self._report(tasks, evaluation)

    def _wait_for_room(self) -> bool:
        """Return whether results may be sent now: with their destination down, calls wait in the queue."""
        while self._events and not self._events.wait_for_room(_LOOK_S):
            if self._stopping.is_set():
                return False
        return True

    def _report(self, tasks: Sequence[Task], evaluation: Evaluation) -> None:
        by_call: dict[int, list[Result]] = defaultdict(list)
        for result in evaluation.results:
            by_call[id(result.call)].append(result)
        for task in tasks:
            if task.evaluated:
                task.evaluated(by_call[id(task.call)])
        by_tenant: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            by_tenant[task.tenant].append(task)
        for tenant, theirs in by_tenant.items():
            self._deliver(tenant, theirs, [result for task in theirs for result in by_call[id(task.call)]])
        drift = self._pipeline.drift_states()
        self._metrics.evaluated(evaluation.results, evaluation.durations_s, drift)
        if self._feed:
            self._feed.publish([task.call for task in tasks], evaluation.results, drift)

    def _deliver(self, tenant: str, tasks: Sequence[Task], results: Sequence[Result]) -> None:
        release = functools.partial(self._ledger.release, [task.sequence for task in tasks])
        if not self._events or not results:
            release()
            return
        try:
            body = events_request(results, explanations=self._explanations)
        except Exception:  # a fault of ours: it would come again at each start, and hold up the queue for ever
            _log.exception("%d results could not be written as events", len(results))
            release()
            return
        self._events.send("logs", body, len(results), tenant, release)
