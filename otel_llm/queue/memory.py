"""A queue in memory: a crash loses what waits in it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future

from otel_llm.queue.base import Queue, Record


class MemoryQueue(Queue):
    """Records that wait in memory. What is taken counts until it is settled."""

    def __init__(self, *, max_bytes: int) -> None:
        """Hold up to so many bytes of payloads."""
        super().__init__(max_bytes=max_bytes)
        self._ready: deque[Record] = deque()
        self._lengths: dict[int, int] = {}
        self._next = 0

    def append(self, payload: bytes) -> Future[None]:
        """Return a future that is done.

        Raises:
            QueueFullError: there is no room for it now.
        """
        with self._changed:
            self._check_room(self._size, len(payload))
            record = Record(self._next, payload, time.time_ns())
            self._next += 1
            self._size += len(payload)
            self._unsettled[record.sequence] = record.time_ns
            self._lengths[record.sequence] = len(payload)
            self._ready.append(record)
            self._changed.notify_all()
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def take(self, timeout_s: float | None = None) -> Record | None:
        """Return the next record, once there is one; None when the time is up, or the queue closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._closed, timeout_s)
            return self._ready.popleft() if self._ready else None

    def settle(self, sequences: Iterable[int]) -> None:
        """Have done with records that were taken."""
        with self._changed:
            for sequence in sequences:
                self._unsettled.pop(sequence, None)
                self._size -= self._lengths.pop(sequence, 0)

    def close(self) -> None:
        """Take no more records; those that wait may still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
