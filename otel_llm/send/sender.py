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
from otel_llm.send.client import Client, Reply
from otel_llm.send.large_requests import parts_of
from otel_llm.send.schedule import Batch, Schedule
from otel_llm.send.send_queue import Key, Outcome, Waiting

__all__ = ["Counts", "Outcome", "Sender"]

_NONE: Final[Set[str]] = frozenset()

_log: Final = logging.getLogger(__name__)


class Counts(Protocol):
    """Who counts what was sent: the metrics."""

    def sent(self, exporter: str, signal: Signal, items: int) -> None:
        """Add to the items that were delivered."""

    def send_failed(self, exporter: str, signal: Signal, items: int) -> None:
        """Add to the items that could not be."""


class Sender:
    """Threads that send to one destination what waits for it."""

    def __init__(self, name: str, client: Client, settings: DestinationSettings, counts: Counts) -> None:
        """Start the threads; `name` is the destination's, for the log and the counts."""
        self._name = name
        self._client = client
        self._settings = settings
        self._counts = counts
        self._headers = {name.lower(): value for name, value in settings.headers.items()}
        self._schedule = Schedule(name, settings)
        self._lines = self._schedule.lines
        self._closed = False
        self._gave_up = False
        self._lock = threading.Lock()
        """Guards the schedule, and the two above."""
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
        """Bytes that wait to be sent, or are under way."""
        return self._lines.total_bytes

    @property
    def capacity_bytes(self) -> int:
        """Bytes that may wait before there is no more room."""
        return self._settings.queue_bytes

    @property
    def last_error(self) -> str:
        """Why the last attempt failed, or what it sent was refused; empty while attempts succeed."""
        return self._schedule.last_error

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return whether there is room for more, after waiting for it that long at most."""
        with self._room:
            return self._room.wait_for(lambda: self.pending_bytes < self.capacity_bytes, timeout_s)

    def held_tenants(self) -> Set[str]:
        """Return the tenants of which no more should come for now.

        What they sent is not taken, and all of it together has half of the room: the rest is for the others.
        """
        if not self.last_error:  # nothing rests
            return _NONE
        with self._lock:
            tenants, size = self._schedule.resting()
        return tenants if 2 * size >= self.capacity_bytes else _NONE

    def send(self, signal: Signal, body: bytes, items: int, tenant: str, done: Callable[[Outcome], None]) -> None:
        """Send a serialized Export*ServiceRequest, and call `done` once it is known what became of all of it.

        Never blocks, and takes what it is given: whoever sends looks for room first. `done` is called once, in a
        thread of the sender; not at all for what is left when the sender is closed.
        """
        request = Waiting(body, items, done, time.monotonic())
        with self._lock:
            if self._lines.add((signal, tenant), request):
                self._work.notify()

    def close(self, timeout_s: float) -> int:
        """Send what waits, and return how many items were left when the time was up."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            self._closed = True
            self._schedule.hurry()
            self._work.notify_all()
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            self._gave_up = True
            self._work.notify_all()
        self._client.close()
        return self._lines.total_items

    def _run(self) -> None:
        while batch := self._next():
            if batch.over:
                self._end(batch.key, batch.requests, batch.over)
            elif batch.is_large:
                self._split(batch.key, batch.requests[0])
            else:
                self._deliver(batch)

    def _next(self) -> Batch | None:
        """Return what to do next, once there is something; None at the end."""
        with self._lock:
            while not self._gave_up and (self._lines or not self._closed):
                found = self._schedule.next()
                if isinstance(found, Batch):
                    self._work.notify()  # another thread keeps watch meanwhile
                    return found
                self._work.wait(min(found, threading.TIMEOUT_MAX))
        return None

    def _deliver(self, batch: Batch) -> None:
        key, requests = batch.key, batch.requests
        # of protobuf messages with a repeated field each, one after the other is the message with all of them
        reply = self._attempt(*key, b"".join(each.body for each in requests))
        with self._lock:
            self._schedule.end(batch, reply)
            if batch.outage_failures:  # all waited for this reply
                self._work.notify_all()
            if reply.kind == "retry":
                self._lines.put_back(key, requests)
                return
            if reply.kind == "refused" and not reply.for_all and len(requests) > 1:
                # one of them is to blame, and the others need not be
                self._lines.put_back(key, [each._replace(alone=True) for each in requests])
                self._work.notify_all()
                return
        self._end(key, requests, reply)

    def _attempt(self, signal: Signal, tenant: str, body: bytes) -> Reply:
        headers = {**self._headers, self._settings.tenant_header.lower(): tenant} if tenant else self._headers
        try:
            return self._client.export(signal, body, headers)
        except Exception as error:
            # a thread must outlive whatever is wrong with one request, and whoever waits for it must hear
            _log.exception("%s: a request of %s could not be sent", self._name, signal)
            return Reply("refused", f"{type(error).__name__}: {error}")

    def _split(self, key: Key, whole: Waiting) -> None:
        """Put the parts of a large request in its place; one that is too large all the same is refused."""
        limit = self._settings.max_request_bytes
        try:
            parts = parts_of(key[0], whole, limit)
        except DecodeError as error:
            self._end(key, [whole], Reply("refused", str(error)))
            return
        except Exception as error:  # as of an attempt
            _log.exception("%s: a request of %s could not be split", self._name, key[0])
            self._end(key, [whole], Reply("refused", f"{type(error).__name__}: {error}"))
            return
        if not parts:  # it has no items
            self._end(key, [whole], Reply("delivered"))
            return
        with self._lock:
            self._lines.replace(key, whole, parts)
            self._lines.put_back(key, [each for each in parts if len(each.body) <= limit])
            self._work.notify_all()
        for each in parts:
            if len(each.body) > limit:
                self._end(key, [each], Reply("refused", f"{len(each.body)} bytes are more than max_request_bytes"))

    def _end(self, key: Key, requests: Sequence[Waiting], reply: Reply) -> None:
        """Tell what became of requests."""
        self._note(key[0], sum(each.items for each in requests), reply)
        for each in requests:
            self._tell(each, Outcome() if reply.kind == "delivered" else Outcome([each.body], reply.reason))
        with self._lock:
            self._lines.end(key, requests)
            self._room.notify_all()
            if self._closed:
                self._work.notify_all()

    def _note(self, signal: Signal, items: int, reply: Reply) -> None:
        """Count and log what became of items."""
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

    def _tell(self, waiting: Waiting, outcome: Outcome) -> None:
        try:
            waiting.done(outcome)
        except Exception:
            # what is behind it in the queue must still be sent; whoever failed to listen finds it in the log
            _log.exception(
                "%s: who sent %d items could not take in what became of them", self._name, waiting.items
            )
