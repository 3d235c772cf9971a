"""A queue in memory: a crash loses the records in it."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import Future

from otel_llm.queue.base import RECENT_BYTES, Queue, Record, Unsettled
from otel_llm.queue.lanes import FairOrder


class MemoryQueue(Queue):
    """Records that wait in memory; a taken record counts against `max_bytes` until it is settled."""

    def __init__(self, *, max_bytes: int) -> None:
        """Hold up to `max_bytes` of payloads."""
        super().__init__(max_bytes=max_bytes)
        self._ready: FairOrder[Record] = FairOrder()
        self._next = 0

    def append(self, payload: bytes, lane: str = "") -> Future[None]:
        """Return a future that is done already.

        Raises:
            QueueFullError: there is no room for the record now.
        """
        with self._changed:
            size = self._claim(lane, len(payload))
            record = Record(self._next, payload, time.time_ns(), lane)
            self._next += 1
            self._unsettled[record.sequence] = Unsettled(record.time_ns, lane, size)
            self._ready.add(lane, size, record)
            self._changed.notify_all()
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def take(self, timeout_s: float | None = None, held: Container[str] = ()) -> Record | None:
        """Return the next record of a lane that is not in `held`.

        None after `timeout_s`, or if the queue is closed and has no such record.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready.hold(held) or self._closed, timeout_s)
            return self._ready.pop() if self._ready.hold(held) else None

    def settle(self, sequences: Iterable[int]) -> None:
        """Mark taken records as done."""
        with self._changed:
            for sequence in sequences:
                self._size -= self._forget(sequence)

    def recent(self, max_bytes: int = RECENT_BYTES) -> Iterator[bytes]:
        """Yield nothing: settled records are gone."""
        return iter(())

    def close(self) -> None:
        """Accept no more records; waiting records may still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _bytes_of(self, lane: str, length: int) -> int:
        return length
