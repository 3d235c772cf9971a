"""What a queue is, be it on disk or in memory: records wait, are taken fairly, and are gone once settled."""

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
    """What was appended."""

    sequence: int
    payload: bytes
    time_ns: int
    """Wall-clock time at which it came."""
    lane: str = ""
    attempts: int = 0
    """Earlier processes that had taken it, and died before it was settled."""


class Unsettled(NamedTuple):
    """What is known of a record until it is settled."""

    time_ns: int
    lane: str
    size: int


class Queue(ABC):
    """Records that wait for one consumer, bounded in bytes and shared fairly by lanes. Any thread may append.

    Records of a lane are taken in order; lanes take turns by bytes. While the queue is more than half full, a lane
    holds at most its share: the bound divided by the lanes that hold something, and one more for who comes next. A
    lane without a name that is alone has all of it.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._holdings = Holdings(max_bytes)
        self._unsettled: OrderedDict[int, Unsettled] = OrderedDict()  # by sequence number
        self._closed = False
        self.first = 0
        """The sequence number of the first record that is appended since the queue was opened."""
        self._changed = threading.Condition()
        """Guards all of the above, and is notified when a record comes or the queue closes."""

    @property
    def threads(self) -> Sequence[threading.Thread]:
        """What must live for it to work."""
        return ()

    @property
    def size(self) -> int:
        """Bytes that it holds, of the bound that new records compete for."""
        return self._size

    @property
    def max_bytes(self) -> int:
        """Bytes that it may hold."""
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
        """Return the age of the oldest record that is not settled; 0 where there is none."""
        with self._changed:
            oldest = next(iter(self._unsettled.values()), None)
        return 0.0 if oldest is None else max(0.0, (time.time_ns() - oldest.time_ns) / 1e9)

    def admits(self, lane: str, length: int) -> str | None:
        """Return why a payload of that length would be refused now; None where it would be taken."""
        with self._changed:
            return self._refusal(lane, self._bytes_of(lane, length))

    @abstractmethod
    def append(self, payload: bytes, lane: str = "") -> Future[None]:
        """Return a future that is done once the record is safe; it cannot be cancelled.

        Raises:
            QueueFullError: there is no room for it now; the future may raise it as well.
        """

    @abstractmethod
    def take(self, timeout_s: float | None = None, held: Container[str] = ()) -> Record | None:
        """Return the next record that is of none of the lanes that are `held`, once there is one.

        None when the time is up, or the queue closed.
        """

    @abstractmethod
    def settle(self, sequences: Iterable[int]) -> None:
        """Have done with records that were taken: they will not come again."""

    @abstractmethod
    def recent(self, max_bytes: int = RECENT_BYTES) -> Iterator[bytes]:
        """Yield payloads that are settled and still there, the newest last, of so many bytes at most."""

    @abstractmethod
    def close(self) -> None:
        """Take no more records."""

    @abstractmethod
    def _bytes_of(self, lane: str, length: int) -> int:
        """Return what a payload of that length costs."""

    def _refusal(self, lane: str, needed: int) -> str | None:
        return "the queue is closing" if self._closed else self._holdings.refusal(lane, needed, self._size)

    def _claim(self, lane: str, length: int) -> int:
        """Return the bytes that a new record has taken from the bound."""
        needed = self._bytes_of(lane, length)
        if reason := self._refusal(lane, needed):
            raise QueueFullError(reason)
        self._size += needed
        self._holdings.add(lane, needed)
        return needed

    def _forget(self, sequence: int) -> int:
        """Settle a record; return the bytes that it held, 0 where it is settled already."""
        unsettled = self._unsettled.pop(sequence, None)
        if unsettled is None:
            return 0
        self._holdings.remove(unsettled.lane, unsettled.size)
        return unsettled.size
