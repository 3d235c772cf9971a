"""Takes records from the queue, and finds what is to be done with each: evaluate, pass on, keep for others."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Container, Sequence
from typing import Final

from otel_llm.config.service import InlineSettings, JoinSettings
from otel_llm.errors import DecodeError, QueueError
from otel_llm.evaluate.run.batcher import Batcher
from otel_llm.evaluate.run.selection import Selection
from otel_llm.genai.call import Call
from otel_llm.genai.decode import glance, is_genai, with_content, with_documents
from otel_llm.otlp.queued import QueuedRequest, unpack
from otel_llm.queue.base import Queue, Record
from otel_llm.queue.memory import MemoryQueue
from otel_llm.report.client_metrics import ClientMetrics
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.service.flow.awaiting_verdicts import Passages
from otel_llm.service.flow.forward import Onward
from otel_llm.service.flow.open_records import Ledger
from otel_llm.service.flow.pending_call import Task
from otel_llm.service.flow.recent import RecentSpans
from otel_llm.service.flow.record_reading import Found, Reader
from otel_llm.service.flow.trace_store import Joins, trace_key

_RECENT_SPANS: Final = 100_000
_SUSPECT_ATTEMPTS: Final = 2
"""After so many processes that died while they had a record, it is worked on alone: others are not to blame."""
_MAX_ATTEMPTS: Final = 10
"""After so many it is not evaluated any more."""
_ALONE_S: Final = 10.0
"""How long others wait for a record that is worked on alone, at most."""
_LOOK_S: Final = 0.2
"""How often a consumer that has nothing to do, or no room, looks again."""

_log: Final = logging.getLogger(__name__)


class Consumer:
    """One thread that takes records in the queue's order, and waits for no evaluation."""

    def __init__(
        self,
        *,
        queue: Queue,
        ledger: Ledger,
        batcher: Batcher[Task],
        reader: Reader,
        onward: Onward | None,
        held_tenants: Callable[[], Container[str]],
        skipped_tenants: Callable[[], Container[str]],
        selection: Selection,
        metrics: ServiceMetrics,
        client_metrics: ClientMetrics | None,
        joins: JoinSettings,
        inline: InlineSettings,
    ) -> None:
        """Start the thread; without `onward` nothing is passed on.

        Of `held_tenants` nothing is taken. Calls of `skipped_tenants` are passed on without an evaluation.
        Reads what the queue still has of spans that were done with: before the receivers start, as it takes long.
        """
        self._queue = queue
        self._ledger = ledger
        self._batcher = batcher
        self._reader = reader
        self._onward = onward
        self._held_tenants = held_tenants
        self._skipped_tenants = skipped_tenants
        self.selection = selection
        """May be replaced while it runs."""
        self._metrics = metrics
        self._client_metrics = client_metrics
        self._enriches = inline.enrich
        self._joins: Joins[Task] = Joins(joins, time.monotonic)
        self._recent = RecentSpans(_RECENT_SPANS)
        self._passages = Passages(
            max_wait_s=inline.max_wait_s,
            max_bytes=onward.capacity_bytes if onward else 0,
            late=metrics.passed_late,
        )
        self._stopping = threading.Event()
        self._draining = False
        self._alone = False
        self._remember()
        self.thread = threading.Thread(target=self._run, name="consume", daemon=True)
        self.thread.start()

    def concerns(self, span: bytes) -> bool:
        """Return whether anything is to be known of a serialized Span: it may be of GenAI, and is not sampled out.

        Any thread may ask. Of a trace that is left out, failed calls alone are of concern, and no documents.
        """
        if self.selection.samples and self._client_metrics is None and self._is_left_out(span):
            return False
        return is_genai(span)

    def stop(self, timeout_s: float) -> None:
        """Take no more records, and end. Calls that wait for their content go on without it."""
        self._stopping.set()
        self.thread.join(max(0.0, timeout_s))

    def _is_left_out(self, span: bytes) -> bool:
        try:
            trace_id, failed = glance(span)
        except DecodeError:  # whoever reads it says what is wrong
            return False
        return self.selection.leaves_out(trace_id, failed=failed)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:  # the thread must outlive whatever is wrong with one record: those after it wait
                _log.exception("what was taken from the queue last could not be worked on, and stays in it")
                self._stopping.wait(_LOOK_S)
        for task in self._joins.rest():
            self._submit(task)
        if isinstance(self._queue, MemoryQueue):  # else they come again, and go on with their verdicts
            self._passages.leave()

    def _turn(self) -> None:
        if self._has_room():
            record = self._take()
            if record is None:
                self._hurry()
            elif record.attempts >= _SUSPECT_ATTEMPTS:
                self._begin_alone(record)
            else:
                self._begin(record)
        self._go_on()

    def _go_on(self) -> None:
        """Let go on what has waited long enough."""
        self._passages.let_go()
        for task in self._joins.due():
            self._submit(task)

    def drain(self) -> None:
        """Let no call wait for its content any longer than until all that was taken is read: no more will come."""
        self._draining = True

    def _hurry(self) -> None:
        """Submit what waits for its content, where nothing comes any more that could bring it."""
        if self._draining:
            for task in self._joins.rest():
                self._submit(task)

    def _remember(self) -> None:
        """Know again what came before a restart: who sent it may not know that, and what follows may need it."""
        for payload in self._queue.recent():
            try:
                request = unpack(payload)
            except DecodeError as error:  # another version of the service had it, and was done with it
                _log.warning("spans of before the restart may be evaluated again: %s", error)
                continue
            if request.signal == "traces":
                for found in self._reader.read(request):
                    self._recent.remember(found.outline.trace_id, found.outline.span_id, request.tenant)
                    self._keep_documents(request, found)
            elif request.signal == "logs":
                self._keep_content(request)
            self._reader.forget()

    def _has_room(self) -> bool:
        """Return whether a record may be taken now, after waiting a moment for it.

        Inline, evaluators that are slow hold up nothing: calls that they have no room for go on without verdicts.
        """
        return (self._onward or self._batcher).wait_for_room(self._patience_s())

    def _take(self) -> Record | None:
        try:
            return self._queue.take(self._patience_s(), self._held_tenants())
        except QueueError as error:  # the disk fails; what it can still read is done
            _log.error("%s", error)
            return None

    @property
    def _reads(self) -> bool:
        """Whether anything is to be known of a span: else all pass unseen."""
        return not self.selection.is_empty or self._client_metrics is not None

    def _patience_s(self) -> float:
        return min(_LOOK_S, self._passages.next_due_s(), self._joins.next_due_s())

    def _begin_alone(self, record: Record) -> None:
        """Begin a record that may be what earlier processes died of, while no other one is evaluated."""
        _log.warning("record %d is worked on alone: %d processes died with it", record.sequence, record.attempts)
        self._let_end()
        self._alone = True  # its calls wait for no log records: those are behind it in the queue
        try:
            self._begin(record)
        finally:
            self._alone = False
        self._let_end()

    def _let_end(self) -> None:
        """Wait until all calls that wait for evaluators are evaluated."""
        until = time.monotonic() + _ALONE_S
        while time.monotonic() < until and not self._stopping.is_set():
            if self._batcher.flush(self._patience_s()):
                return
            self._go_on()

    def _begin(self, record: Record) -> None:
        sequence = record.sequence
        self._ledger.hold(sequence)  # until all that it holds has a share of its own
        try:
            request = unpack(record.payload)
        except DecodeError as error:  # another version wrote it: it stays, and is the business of that one
            _log.error("record %d: %s", sequence, error)
            return
        try:
            if record.attempts >= _MAX_ATTEMPTS:
                self._abandon(sequence, request, f"{record.attempts} processes died while they had it")
            elif request.signal == "traces":
                self._begin_traces(sequence, request)
            else:
                if request.signal == "logs":
                    self._keep_content(request)
                self._pass_on(sequence, request)
        except Exception as error:  # whatever is wrong with one record, those after it must be taken
            self._give_up(sequence, request, error)
        finally:
            self._reader.report(request)
        self._ledger.release([sequence])

    def _abandon(self, sequence: int, request: QueuedRequest, reason: str) -> None:
        """Let go of a request without a look at what is in it."""
        if request.signal != "metrics":
            self._reader.give_up(request, reason)
        if self._onward and not request.replayed:
            self._ledger.hold(sequence)
            self._onward.abandon(sequence, request, reason)

    def _give_up(self, sequence: int, request: QueuedRequest, error: Exception) -> None:
        _log.error("record %d could not be worked on", sequence, exc_info=error)
        self._reader.give_up(request, f"{type(error).__name__}: {error}")

    def _begin_traces(self, sequence: int, request: QueuedRequest) -> None:
        try:
            tasks = self._tasks(sequence, request) if self._reads else []
        except Exception as error:  # a fault of ours: inline, the request goes on all the same
            self._give_up(sequence, request, error)
            tasks = []
        if self._onward and not request.replayed:
            if not self._batcher.has_room or request.tenant in self._skipped_tenants():
                self._metrics.skipped(len(tasks))
                tasks = []
            self._open_passage(self._onward, sequence, request, tasks if self._enriches else [])
        for _, task in tasks:
            self._ledger.hold(sequence)
            self._submit_or_wait(task)

    def _tasks(self, sequence: int, request: QueuedRequest) -> list[tuple[int, Task]]:
        """Return what is to be evaluated, each with the number of its span."""
        found = self._reader.read(request, self.concerns)
        for each in found:  # first: the documents of a request may come after the answer that they are for
            self._keep_documents(request, each)
        return [(each.index, task) for each in found if (task := self._task(sequence, request, each))]

    def _keep_documents(self, request: QueuedRequest, found: Found) -> None:
        """Keep the documents of a retrieval or a tool for the answers of its trace."""
        if found.outline.kind == "context":
            trace = trace_key(request.tenant, found.outline.trace_id)
            self._joins.add_documents(trace, self._reader.documents(found))

    def _keep_content(self, request: QueuedRequest) -> None:
        """Keep the content in log records for the spans that they belong to."""
        for event in self._reader.events(request):
            self._joins.add_event(trace_key(request.tenant, event.trace_id), event)

    def _open_passage(
        self, onward: Onward, sequence: int, request: QueuedRequest, tasks: Sequence[tuple[int, Task]]
    ) -> None:
        self._ledger.hold(sequence)
        go_on = functools.partial(onward.send, sequence, request)
        passage = self._passages.open(len(tasks), len(request.body), go_on)
        for index, task in tasks:
            task.evaluated = functools.partial(passage.evaluated, index)

    def _pass_on(self, sequence: int, request: QueuedRequest) -> None:
        if self._onward and not request.replayed:
            self._ledger.hold(sequence)
            self._onward.send(sequence, request, {})

    def _task(self, sequence: int, request: QueuedRequest, found: Found) -> Task | None:
        """Return what is to be evaluated; None of a span that is no call, came before, or is not selected."""
        outline = found.outline
        if outline.kind != "call":
            return None
        left_over = sequence < self._queue.first
        is_new = self._recent.is_new(outline.trace_id, outline.span_id, request.tenant, left_over=left_over)
        if not is_new and not request.replayed:
            return None
        selected = self.selection.of(
            trace_id=outline.trace_id,
            service=found.service,
            operation=outline.operation,
            model=outline.request_model,
            provider=outline.provider,
            failed=outline.failed,
        )
        if not selected and self._client_metrics is None:
            return None
        call = self._reader.call(found)
        if call is None:
            return None
        if self._client_metrics:
            self._client_metrics.record(call)
        if not selected:
            return None
        return Task(
            call, selected, sequence, request.tenant, len(found.span), outline.has_content or outline.failed
        )

    def _submit_or_wait(self, task: Task) -> None:
        trace, span_id = trace_key(task.tenant, task.call.trace_id), task.call.span_id
        if self._alone or task.has_content or self._joins.is_complete(trace, span_id):
            self._submit(task)
        else:
            self._joins.wait(trace, span_id, task, task.size)

    def _submit(self, task: Task) -> None:
        try:
            task.call = self._joined(task.call, trace_key(task.tenant, task.call.trace_id))
        except Exception:  # a fault of ours: the tasks behind it are to be submitted too
            _log.exception("a call is evaluated without what else came of its trace")
        self._batcher.submit(task, task.size)

    def _joined(self, call: Call, trace: str) -> Call:
        """Return the call with what else is known of it."""
        if events := self._joins.events(trace, call.span_id):
            call = with_content(call, events)
        if documents := self._joins.documents(trace):
            call = with_documents(call, documents)
        return call
