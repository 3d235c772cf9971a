"""What a queue is, be it on disk or in memory: records wait, are taken in order, and are gone once settled."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from typing import NamedTuple

from otel_llm.errors import QueueFullError


class Record(NamedTuple):
    """What was appended."""

    sequence: int
    payload: bytes
    time_ns: int
    """Wall-clock time at which it came."""


class Queue(ABC):
    """Records that wait for one consumer, bounded in bytes. Any thread may append."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._unsettled: OrderedDict[int, int] = OrderedDict()  # sequence number to time
        self._closed = False
        self._changed = threading.Condition()
        """Guards all of the above, and is notified when a record comes or the queue closes."""

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
        return 0.0 if oldest is None else max(0.0, (time.time_ns() - oldest) / 1e9)

    @abstractmethod
    def append(self, payload: bytes) -> Future[None]:
        """Return a future that is done once the record is safe; it cannot be cancelled.

        Raises:
            QueueFullError: there is no room for it now; the future may raise it as well.
        """

    @abstractmethod
    def take(self, timeout_s: float | None = None) -> Record | None:
        """Return the next record, once there is one; None when the time is up, or the queue closed and empty."""

    @abstractmethod
    def settle(self, sequences: Iterable[int]) -> None:
        """Have done with records that were taken: they will not come again."""

    @abstractmethod
    def close(self) -> None:
        """Take no more records."""

    def _check_room(self, held: int, needed: int) -> None:
        if self._closed:
            raise QueueFullError("the queue is closing")
        if held + needed > self._max_bytes:
            raise QueueFullError(f"the queue holds {held} of {self._max_bytes} bytes, {needed} more do not fit")
