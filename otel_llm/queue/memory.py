"""A queue in memory: a crash loses what waits in it."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import Future

from otel_llm.queue.base import RECENT_BYTES, Queue, Record, Unsettled
from otel_llm.queue.lanes import FairOrder


class MemoryQueue(Queue):
    """Records that wait in memory. What is taken counts until it is settled."""

    def __init__(self, *, max_bytes: int) -> None:
        """Hold up to so many bytes of payloads."""
        super().__init__(max_bytes=max_bytes)
        self._ready: FairOrder[Record] = FairOrder()
        self._next = 0

    def append(self, payload: bytes, lane: str = "") -> Future[None]:
        """Return a future that is done.

        Raises:
            QueueFullError: there is no room for it now.
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
        """Return the next record that is of none of the lanes that are `held`, once there is one.

        None when the time is up, or the queue closed and has no such record.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready.hold(held) or self._closed, timeout_s)
            return self._ready.pop() if self._ready.hold(held) else None

    def settle(self, sequences: Iterable[int]) -> None:
        """Have done with records that were taken."""
        with self._changed:
            for sequence in sequences:
                self._size -= self._forget(sequence)

    def recent(self, max_bytes: int = RECENT_BYTES) -> Iterator[bytes]:
        """Yield nothing: what is settled is gone."""
        return iter(())

    def close(self) -> None:
        """Take no more records; those that wait may still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _bytes_of(self, lane: str, length: int) -> int:
        return length
