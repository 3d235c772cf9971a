"""The interface of a queue, on disk or in memory: records wait, are taken fairly, and are gone once settled."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from otel_llm.errors import QueueFullError
from otel_llm.queue.lanes import Holdings

RECENT_BYTES: Final = 64 << 20


class Record(NamedTuple):
    """An appended payload, as the consumer gets it."""

    sequence: int
    payload: bytes
    time_ns: int
    """Unix time in nanoseconds at which the record came."""
    lane: str = ""
    attempts: int = 0
    """Earlier processes that took the record, and died before it was settled."""


class Unsettled(NamedTuple):
    """The facts that are kept of a record until it is settled."""

    time_ns: int
    lane: str
    size: int


class Queue(ABC):
    """Records that wait for one consumer, bounded in bytes and shared fairly by lanes.

        append              take           settle
    ───────────▶ waiting ─────────▶ taken ─────────▶ settled

    Any thread may append and settle; one thread takes. Records of a lane are taken in order; lanes take turns by
    bytes. All records that are not settled count against `max_bytes`. While the queue is more than half full, a
    lane holds at most its share: `max_bytes` divided by the number of lanes that hold something plus one, which is
    left for a lane that comes next. The lane without a name has all of the queue while it is the only one.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._holdings = Holdings(max_bytes)
        self._unsettled: OrderedDict[int, Unsettled] = OrderedDict()
        """Records that are not settled, by sequence number, the oldest first."""
        self._closed = False
        self.first = 0
        """The sequence number of the first record that this process appends."""
        self._changed = threading.Condition()
        """Guards the fields above; notified when a record comes and when the queue closes."""

    @property
    def threads(self) -> Sequence[threading.Thread]:
        """Threads without which the queue does not work."""
        return ()

    @property
    def size(self) -> int:
        """Bytes that the queue holds, of the `max_bytes` that new records compete for."""
        return self._size

    @property
    def max_bytes(self) -> int:
        """Bytes that the queue may hold."""
        return self._max_bytes

    @property
    def pending(self) -> int:
        """Records that are not settled."""
        return len(self._unsettled)

    def held(self, lane: str) -> int:
        """Return the bytes of a lane's records that are not settled."""
        with self._changed:
            return self._holdings.of(lane)

    def lanes(self) -> dict[str, int]:
        """Return the lanes that hold something, with the bytes of each."""
        with self._changed:
            return self._holdings.all()

    def oldest_pending_s(self) -> float:
        """Return the age in seconds of the oldest record that is not settled; 0 without records."""
        with self._changed:
            oldest = next(iter(self._unsettled.values()), None)
        return 0.0 if oldest is None else max(0.0, (time.time_ns() - oldest.time_ns) / 1e9)

    def admits(self, lane: str, length: int) -> str | None:
        """Return why a payload of so many bytes would be refused now; None if it would be taken."""
        with self._changed:
            return self._refusal(lane, self._bytes_of(lane, length))

    @abstractmethod
    def append(self, payload: bytes, lane: str = "") -> Future[None]:
        """Return a future that is done once the record is safe; it cannot be cancelled.

        Raises:
            QueueFullError: there is no room for the record now; the future may raise this error as well.
        """

    @abstractmethod
    def take(self, timeout_s: float | None = None, held: Container[str] = ()) -> Record | None:
        """Return the next record of a lane that is not `held`; None after `timeout_s` or once closed."""

    @abstractmethod
    def settle(self, sequences: Iterable[int]) -> None:
        """Mark taken records as done: they never come again."""

    @abstractmethod
    def recent(self, max_bytes: int = RECENT_BYTES) -> Iterator[bytes]:
        """Yield settled payloads that the queue still has, up to `max_bytes` of the newest, the newest last."""

    @abstractmethod
    def close(self) -> None:
        """Accept no more records."""

    @abstractmethod
    def _bytes_of(self, lane: str, length: int) -> int:
        """Return the bytes that a payload of that length occupies in the queue."""

    def _refusal(self, lane: str, needed: int) -> str | None:
        return "the queue is closing" if self._closed else self._holdings.refusal(lane, needed, self._size)

    def _claim(self, lane: str, length: int) -> int:
        """Reserve room for a new record, and return its bytes."""
        needed = self._bytes_of(lane, length)
        if reason := self._refusal(lane, needed):
            raise QueueFullError(reason)
        self._size += needed
        self._holdings.add(lane, needed)
        return needed

    def _forget(self, sequence: int) -> int:
        """Forget a record; return the bytes that it held, 0 if it was settled before."""
        unsettled = self._unsettled.pop(sequence, None)
        if unsettled is None:
            return 0
        self._holdings.remove(unsettled.lane, unsettled.size)
        return unsettled.size
