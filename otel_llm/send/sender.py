"""Requests wait here to be sent: small ones are joined, large ones split, and all tried again while need be."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from otel_llm.config.send import DestinationSettings
from otel_llm.errors import DecodeError
from otel_llm.receive.signals import Signal
from otel_llm.send.attempts import Attempts
from otel_llm.send.client import Client, Reply
from otel_llm.send.splitting import count_items, split
from otel_llm.send.waiting import Key, Lines, Outcome, Waiting

__all__ = ["Counts", "Outcome", "Sender"]

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
        self._settings = settings
        self._counts = counts
        self._attempts = Attempts(name, client, settings)
        self._lines = Lines(max_request_bytes=settings.max_request_bytes, delay_s=settings.batch_delay_s)
        self._pending_bytes = 0
        self._pending_items = 0
        self._closed = False
        self._lock = threading.Lock()
        """Guards the lines and what is counted of them."""
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._threads = [
            threading.Thread(target=self._run, name=f"send-{name}-{number}", daemon=True)
            for number in range(settings.connections)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent, or are under way."""
        return self._pending_bytes

    @property
    def capacity_bytes(self) -> int:
        """Bytes that may wait before there is no more room."""
        return self._settings.queue_bytes

    @property
    def last_error(self) -> str:
        """Why the last attempt failed; empty while attempts succeed."""
        return self._attempts.last_error

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return whether there is room for more, after waiting for it that long at most."""
        with self._room:
            return self._room.wait_for(lambda: self._pending_bytes < self.capacity_bytes, timeout_s)

    def send(self, signal: Signal, body: bytes, items: int, tenant: str, done: Callable[[Outcome], None]) -> None:
        """Send a serialized Export*ServiceRequest, and call `done` once it is known what became of all of it.

        Never blocks, and takes what it is given: whoever sends looks for room first. `done` is called once, in a
        thread of the sender; not at all for what is left when the sender is closed.
        """
        request = Waiting(body, items, done, time.monotonic())
        with self._lock:
            self._pending_bytes += len(body)
            self._pending_items += items
            if self._lines.add((signal, tenant), request):
                self._work.notify()

    def close(self, timeout_s: float) -> int:
        """Send what waits, and return how many items were left when the time was up."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            self._closed = True
            self._work.notify_all()
        self._attempts.hurry()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._attempts.give_up()
        with self._lock:
            return self._pending_items

    def _run(self) -> None:
        while batch := self._next_batch():
            if not self._deliver(*batch):
                return  # the time was up

    def _next_batch(self) -> tuple[Key, list[Waiting]] | None:
        """Return requests to send together, once there are some; None at the end."""
        with self._lock:
            while True:
                key, wait_s = self._lines.due(at_once=self._closed)
                if key is not None:
                    batch = self._lines.take(key)
                    if self._lines:  # another thread keeps watch over them while this one sends
                        self._work.notify()
                    return key, batch
                if self._closed and wait_s is None:
                    return None
                self._work.wait(wait_s)

    def _deliver(self, key: Key, waiting: Sequence[Waiting]) -> bool:
        """Return whether it is known what became of the requests, and whoever waits has been told."""
        if len(waiting[0].body) > self._settings.max_request_bytes:  # nothing is joined with such a one
            return self._deliver_parts(key, waiting[0])
        # of protobuf messages with a repeated field each, one after the other is the message with all of them
        reply = self._attempts.export(*key, b"".join(each.body for each in waiting))
        if reply.kind == "retry" and self._attempts.gave_up:
            return False
        if reply.kind == "refused" and len(waiting) > 1:  # one of them is to blame, and the others need not be
            return all(self._deliver(key, [each]) for each in waiting)
        self._end(key[0], waiting, reply)
        return True

    def _deliver_parts(self, key: Key, waiting: Waiting) -> bool:
        signal = key[0]
        try:
            parts = list(split(signal, waiting.body, self._settings.max_request_bytes))
        except DecodeError as error:
            self._end(signal, [waiting], Reply("refused", str(error)))
            return True
        refused: list[bytes] = []
        reason = ""
        expired: Reply | None = None
        for part in parts:
            reply = expired or self._export_part(key, part)
            if reply.kind == "retry":
                if self._attempts.gave_up:
                    return False
                expired = reply  # the destination had its time: it is not given as much again for each part
            self._note(signal, count_items(signal, part), reply)
            if reply.kind != "delivered":
                refused.append(part)
                reason = reply.reason
        self._tell(waiting, Outcome(refused, reason))
        self._forget([waiting])
        return True

    def _export_part(self, key: Key, part: bytes) -> Reply:
        if len(part) > self._settings.max_request_bytes:
            return Reply("refused", f"{len(part)} bytes are more than max_request_bytes")
        return self._attempts.export(*key, part)

    def _end(self, signal: Signal, waiting: Sequence[Waiting], reply: Reply) -> None:
        self._note(signal, sum(each.items for each in waiting), reply)
        for each in waiting:
            self._tell(each, Outcome() if reply.kind == "delivered" else Outcome([each.body], reply.reason))
        self._forget(waiting)

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

    def _tell(self, waiting: Waiting, outcome: Outcome) -> None:
        try:
            waiting.done(outcome)
        except Exception:
            # what is behind it in the queue must still be sent; whoever failed to listen finds it in the log
            _log.exception(
                "%s: who sent %d items could not take in what became of them", self._name, waiting.items
            )

    def _forget(self, waiting: Sequence[Waiting]) -> None:
        with self._lock:
            self._pending_bytes -= sum(len(each.body) for each in waiting)
            self._pending_items -= sum(each.items for each in waiting)
            self._room.notify_all()
