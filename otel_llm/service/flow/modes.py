"""The two modes of the service: tap, where requests end here, and inline, where they are forwarded."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Container, Sequence

from otel_llm.config.flow import InlineSettings
from otel_llm.evaluate.run.batcher import Batcher
from otel_llm.otlp.queued import QueuedRequest
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.service.flow.awaiting_results import WaitingRequests
from otel_llm.service.flow.forward import Forwarder
from otel_llm.service.flow.open_records import RecordRefs
from otel_llm.service.flow.pending_call import PendingCall

Tenants = Callable[[], Container[str]]
"""Returns the tenants whose destination takes nothing now."""


class Mode:
    """The way of requests beside their evaluation, and the bound of records under way.

    Used by the thread that takes records. What the methods do here is what both modes need, or tap mode alone.
    """

    def __init__(self, wait_for_room: Callable[[float], bool], held_tenants: Tenants) -> None:
        self.wait_for_room = wait_for_room
        """Returns True if a record may be taken now, after waiting for room up to the given seconds."""
        self.held_tenants = held_tenants
        """Returns the tenants of which no record is to be taken now."""

    def begin_traces(
        self, sequence: int, request: QueuedRequest, calls: Sequence[PendingCall]
    ) -> Sequence[PendingCall]:
        """Begin a request of traces; return those of its calls that are to be evaluated."""
        return calls

    def begin_others(self, sequence: int, request: QueuedRequest) -> None:
        """Begin a request of logs or metrics."""

    def abandon(self, sequence: int, request: QueuedRequest, reason: str) -> None:
        """Let a request go without a look at what is in it; a dead letter has it."""

    def forward_due(self) -> None:
        """Forward the requests that have waited long enough for their results."""

    def forward_all(self) -> None:
        """Forward all requests that wait, with the results so far."""

    def next_due_s(self) -> float:
        """Return the seconds until `forward_due` has something to do; infinite if nothing waits."""
        return math.inf


class TapMode(Mode):
    """Requests end here: records are taken while the evaluators have room."""

    def __init__(self, batcher: Batcher[PendingCall], held_tenants: Tenants) -> None:
        super().__init__(batcher.wait_for_room, held_tenants)


class InlineMode(Mode):
    """Requests are forwarded, traces with the results on their calls; dead letters that are replayed are not.

    The pace of taking is that of the next receiver. Slow evaluators hold nothing up: calls that they have no room
    for, and calls of `skipped_tenants`, are forwarded without results and not evaluated. Requests that wait for
    results are bounded in time by `inline.max_wait_s`, and in bytes by what may wait for the next receiver.
    """

    def __init__(
        self,
        *,
        forwarder: Forwarder,
        refs: RecordRefs,
        batcher: Batcher[PendingCall],
        skipped_tenants: Tenants,
        settings: InlineSettings,
        metrics: ServiceMetrics,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(forwarder.wait_for_room, forwarder.held_tenants)
        self._forwarder = forwarder
        self._refs = refs
        self._batcher = batcher
        self._skipped_tenants = skipped_tenants
        self._enriches = settings.enrich
        self._metrics = metrics
        self._waiting = WaitingRequests(
            max_wait_s=settings.max_wait_s,
            max_bytes=forwarder.capacity_bytes,
            on_late=metrics.passed_late,
            clock=clock,
        )

    def begin_traces(
        self, sequence: int, request: QueuedRequest, calls: Sequence[PendingCall]
    ) -> Sequence[PendingCall]:
        """Let the request wait for its calls; return them, or none where they are skipped."""
        if request.replayed:
            return calls
        if not self._batcher.has_room or request.tenant in self._skipped_tenants():
            self._metrics.skipped(len(calls))
            calls = ()
        awaited = calls if self._enriches else ()
        self._refs.acquire(sequence)
        forward = functools.partial(self._forwarder.send, sequence, request)
        waiting = self._waiting.add(len(awaited), len(request.body), forward)
        for call in awaited:
            call.on_results = functools.partial(waiting.evaluated, call.span_index)
        return calls

    def begin_others(self, sequence: int, request: QueuedRequest) -> None:
        """Forward the request."""
        if not request.replayed:
            self._refs.acquire(sequence)
            self._forwarder.send(sequence, request, {})

    def abandon(self, sequence: int, request: QueuedRequest, reason: str) -> None:
        """Forward the request if all of its content may go on, else make a dead letter of it."""
        if not request.replayed:
            self._refs.acquire(sequence)
            self._forwarder.abandon(sequence, request, reason)

    def forward_due(self) -> None:
        """Forward the requests whose time is up, and the oldest ones while there are too many bytes."""
        self._waiting.forward_due()

    def forward_all(self) -> None:
        """Forward all requests that wait, with the results so far."""
        self._waiting.forward_all()

    def next_due_s(self) -> float:
        """Return the seconds until the oldest request has waited long enough; infinite if none waits."""
        return self._waiting.next_due_s()
