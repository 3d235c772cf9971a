"""A queue in memory, bounded in bytes: a crash loses what waits in it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from concurrent.futures import Future

from otel_llm.errors import QueueFullError
from otel_llm.queue.record import Record


class MemoryQueue:
    """Records that wait in memory. What is taken and not settled counts until it is."""

    def __init__(self, *, max_bytes: int) -> None:
        """Hold up to so many bytes of payloads."""
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._ready: deque[Record] = deque()
        self._unsettled: OrderedDict[int, tuple[int, int]] = OrderedDict()  # sequence number to time and length
        self._size = 0
        self._next = 0
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return self._size

    @property
    def pending(self) -> int:
        """Records that are not settled."""
        return len(self._unsettled)

    def oldest_pending_s(self) -> float:
        """Return the age of the oldest record that is not settled; 0 where there is none."""
        with self._changed:
            oldest = next(iter(self._unsettled.values()), None)
        return 0.0 if oldest is None else max(0.0, (time.time_ns() - oldest[0]) / 1e9)

    def append(self, payload: bytes) -> Future[None]:
        """Return a future that is done.

        Raises:
            QueueFullError: there is no room for it now.
        """
        with self._changed:
            if self._closed:
                raise QueueFullError("the queue is closing")
            if self._size + len(payload) > self._max_bytes:
                raise QueueFullError(
                    f"the queue holds {self._size} of {self._max_bytes} bytes, {len(payload)} more do not fit"
                )
            record = Record(self._next, payload, time.time_ns())
            self._next += 1
            self._size += len(payload)
            self._unsettled[record.sequence] = (record.time_ns, len(payload))
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
                _, length = self._unsettled.pop(sequence, (0, 0))
                self._size -= length

    def close(self) -> None:
        """Take no more records."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
