"""Requests wait here to be sent: small ones are joined, large ones split, and all tried again while need be."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence, Set
from typing import Final, Protocol

from otel_llm.config.send import DestinationSettings
from otel_llm.errors import DecodeError
from otel_llm.otlp.signals import Signal
from otel_llm.send.client import OtlpClient
from otel_llm.send.lane import Clock, LaneKey, PendingRequest, SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.request_parts import done_of_all, request_parts
from otel_llm.send.schedule import Batch, Schedule

_DEFERRED_S: Final = 300
"""Seconds for which what a receiver cannot take yet is tried again; then it is refused."""
_NO_TENANTS: Final[Set[str]] = frozenset()

_log: Final = logging.getLogger(__name__)


class SendCounts(Protocol):
    """The metrics of what was sent."""

    def sent(self, exporter: str, signal: Signal, items: int) -> None:
        """Add to the items that were delivered."""

    def send_failed(self, exporter: str, signal: Signal, items: int) -> None:
        """Add to the items that could not be delivered."""


class Sender:
    """Threads that send the requests for one destination.

    Any thread may call `send`, which never blocks; each of the `connections` threads has at most one attempt in
    flight. One lock guards the schedule, and is not held during an attempt or a callback.
    `queue_bytes` is a bound for who asks `wait_for_room` first; `send` itself refuses nothing.
    States: open; closed (drains, until the deadline of `close`); abandoned (threads end, requests are left).
    """

    def __init__(
        self,
        name: str,
        client: OtlpClient,
        settings: DestinationSettings,
        counts: SendCounts,
        clock: Clock = time.monotonic,
    ) -> None:
        """Start the threads; `name` is the destination's, for the log and the counts."""
        self._name = name
        self._client = client
        self._settings = settings
        self._counts = counts
        self._clock = clock
        self._headers = {name.lower(): value for name, value in settings.headers.items()}
        self._schedule = Schedule(name, settings, clock)
        self._queue = self._schedule.queue
        self._closed = False
        self._abandoned = False
        self._lock = threading.Lock()
        """Guards the schedule, `_closed` and `_abandoned`."""
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self.threads = [
            threading.Thread(target=self._run, name=f"send-{name}-{number}", daemon=True)
            for number in range(settings.connections)
        ]
        for thread in self.threads:
            thread.start()

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent or are in flight."""
        return self._queue.total_bytes

    @property
    def capacity_bytes(self) -> int:
        """Bytes that may be pending before there is no more room."""
        return self._settings.queue_bytes

    @property
    def last_error(self) -> str:
        """Why the last attempt failed or was refused; empty while attempts succeed."""
        return self._schedule.last_error

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return True once there is room for more, False after `timeout_s`."""
        with self._room:
            return self._room.wait_for(lambda: self.pending_bytes < self.capacity_bytes, timeout_s)

    def held_tenants(self) -> Set[str]:
        """Return the tenants whose requests should not come for now.

        The destination does not take their requests, and these fill half of the room: the rest is for the others.
        """
        if not self.last_error:  # no lane is paused
            return _NO_TENANTS
        with self._lock:
            tenants, size = self._schedule.paused_tenants()
        return tenants if 2 * size >= self.capacity_bytes else _NO_TENANTS

    def send(
        self, signal: Signal, body: bytes, items: int, tenant: str, done: Callable[[SendOutcome], None]
    ) -> None:
        """Send a serialized Export*ServiceRequest, and call `done` with the outcome.

        Never blocks, and takes any number of requests: the caller waits for room first. `done` is called once, in
        a thread of the sender; never for requests that are left when the sender is closed.
        """
        request = PendingRequest(body, items, done, self._clock())
        with self._lock:
            if self._queue.add((signal, tenant), request):
                self._work.notify()

    def close(self, timeout_s: float) -> int:
        """Send what waits, and return the items that are left after `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        with self._lock:
            self._closed = True
            self._schedule.drain()
            self._work.notify_all()
        for thread in self.threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        with self._lock:
            self._abandoned = True
            self._work.notify_all()
        self._client.close()
        return self._queue.total_items

    def _run(self) -> None:
        while batch := self._next_batch():
            if batch.expired:
                self._finish(batch.key, batch.requests, batch.expired)
            elif batch.is_large:
                self._split(batch.key, batch.requests[0])
            else:
                self._deliver(batch)

    def _next_batch(self) -> Batch | None:
        """Return the next batch once there is one; None when the thread must end."""
        with self._lock:
            while not self._abandoned and (self._queue or not self._closed):
                found = self._schedule.next_batch()
                if isinstance(found, Batch):
                    self._work.notify()  # another thread waits for the next batch meanwhile
                    return found
                self._work.wait(min(found, threading.TIMEOUT_MAX))
        return None

    def _deliver(self, batch: Batch) -> None:
        key, requests = batch.key, batch.requests
        # an Export*ServiceRequest is one repeated field: serialized requests, concatenated, are the joined request
        reply = self._attempt(*key, b"".join(each.body for each in requests))
        with self._lock:
            self._schedule.record_reply(batch, reply)
            if batch.outage_failures:  # all threads waited for this reply
                self._work.notify_all()
            if reply.kind == "retry":
                self._queue.put_back(key, requests)
                return
            if reply.kind == "refused" and not reply.for_all and len(requests) > 1:
                # one of the requests is refused, the others may be good: send each alone
                self._queue.put_back(key, [each._replace(alone=True) for each in requests])
                self._work.notify_all()
                return
        if reply.later:
            self._defer(batch, reply)
        else:
            self._finish(key, requests, reply)

    def _defer(self, batch: Batch, reply: Reply) -> None:
        """Keep what the receiver cannot take yet as one request, or give it up if it has waited long enough."""
        key, requests = batch.key, batch.requests
        received_s = min(each.received_s for each in requests)
        # alone: what was joined with an older request would be given up with it
        rest = PendingRequest(reply.later, reply.later_items, done_of_all(requests), received_s, alone=True)
        self._counts.sent(self._name, key[0], max(0, sum(each.items for each in requests) - rest.items))
        if self._clock() - received_s < _DEFERRED_S:
            with self._lock:
                self._schedule.defer(batch, rest)
                self._work.notify()
            return
        self._count(key[0], rest.items, Reply("refused", reply.reason))
        self._report(rest, SendOutcome([rest.body], reply.reason))
        self._release(key, requests)

    def _attempt(self, signal: Signal, tenant: str, body: bytes) -> Reply:
        headers = {**self._headers, self._settings.tenant_header.lower(): tenant} if tenant else self._headers
        try:
            return self._client.export(signal, body, headers)
        except Exception as error:
            # the thread must go on, and who waits for this request must hear of the failure
            _log.exception("%s: a request of %s could not be sent", self._name, signal)
            return Reply("refused", f"{type(error).__name__}: {error}")

    def _split(self, key: LaneKey, whole: PendingRequest) -> None:
        """Replace a large request by its parts; a part that is still too large is refused."""
        limit = self._settings.max_request_bytes
        try:
            parts = request_parts(key[0], whole, limit)
        except DecodeError as error:
            self._finish(key, [whole], Reply("refused", str(error)))
            return
        except Exception as error:  # for the reasons given in _attempt
            _log.exception("%s: a request of %s could not be split", self._name, key[0])
            self._finish(key, [whole], Reply("refused", f"{type(error).__name__}: {error}"))
            return
        if not parts:  # the request has no items
            self._finish(key, [whole], Reply("delivered"))
            return
        with self._lock:
            self._queue.replace(key, whole, parts)
            self._queue.put_back(key, [each for each in parts if len(each.body) <= limit])
            self._work.notify_all()
        for each in parts:
            if len(each.body) > limit:
                refusal = Reply("refused", f"{len(each.body)} bytes are more than max_request_bytes")
                self._finish(key, [each], refusal)

    def _finish(self, key: LaneKey, requests: Sequence[PendingRequest], reply: Reply) -> None:
        """Count, log and report the outcome of requests, and forget them."""
        self._count(key[0], sum(each.items for each in requests), reply)
        for each in requests:
            is_delivered = reply.kind == "delivered"
            self._report(each, SendOutcome() if is_delivered else SendOutcome([each.body], reply.reason))
        self._release(key, requests)

    def _release(self, key: LaneKey, requests: Sequence[PendingRequest]) -> None:
        """Forget finished requests."""
        with self._lock:
            self._queue.finish(key, requests)
            self._room.notify_all()
            if self._closed:
                self._work.notify_all()

    def _count(self, signal: Signal, items: int, reply: Reply) -> None:
        """Count and log the outcome of items."""
        failed = min(reply.rejected, items) if reply.kind == "delivered" else items
        self._counts.sent(self._name, signal, items - failed)
        self._counts.send_failed(self._name, signal, failed)
        if reply.kind != "delivered":
            _log.error("%s: %d items of %s are not delivered: %s", self._name, items, signal, reply.reason)
        elif reply.rejected:
            _log.warning(
                "%s: the receiver left out %d of %d items: %s", self._name, reply.rejected, items, reply.reason
            )
        elif reply.reason:  # a partial success that rejects nothing is a warning
            _log.warning("%s: the receiver took all, and warns: %s", self._name, reply.reason)

    def _report(self, request: PendingRequest, outcome: SendOutcome) -> None:
        try:
            request.done(outcome)
        except Exception:
            # the requests behind this request must still be sent; the log says what the callback missed
            _log.exception(
                "%s: who sent %d items could not take in what became of them", self._name, request.items
            )
