"""Which record is next, so that no lane gets more than its share. A lane is who competes, such as a tenant."""

from __future__ import annotations

import heapq
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_SHARED_FROM: Final = 2
"""A queue that is fuller than one half of its bound shares it out between the lanes."""


class FairOrder(Generic[T]):
    """Items that come out in order within their lane, and fairly by bytes between lanes.

    It is self-clocked fair queueing: an item is due once its lane has had as many bytes as every other one that
    waits. A lane that comes late starts where the others are: it neither waits for their backlog, nor is paid for
    the time in which it had nothing. As by deficit round robin, big items do not get more; unlike there, a small
    item need not wait for the turn of each big one.

    Source: Golestani, "A self-clocked fair queueing scheme for broadband applications", INFOCOM 1994.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, str, T]] = []
        self._ends: dict[str, int] = {}  # for each lane that waits: the finish of its last item
        self._now = 0
        self._count = 0

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._heap)

    def add(self, lane: str, size: int, item: T) -> None:
        """Add an item of so many bytes behind those of its lane."""
        finish = max(self._now, self._ends.get(lane, 0)) + max(1, size)
        self._ends[lane] = finish
        self._count += 1
        heapq.heappush(self._heap, (finish, self._count, lane, item))

    def pop(self) -> T:
        """Take the next item."""
        self._now, _, lane, item = heapq.heappop(self._heap)
        if self._ends[lane] == self._now:
            del self._ends[lane]
        return item


class Holdings:
    """Bytes that each lane holds, and whether it may hold more."""

    def __init__(self, max_bytes: int) -> None:
        """Share out so many bytes."""
        self._max_bytes = max_bytes
        self._bytes: dict[str, int] = {}

    def of(self, lane: str) -> int:
        """Return the bytes that a lane holds."""
        return self._bytes.get(lane, 0)

    def all(self) -> dict[str, int]:
        """Return the bytes of each lane that holds something."""
        return dict(self._bytes)

    def add(self, lane: str, size: int) -> None:
        """Let a lane hold more."""
        self._bytes[lane] = self._bytes.get(lane, 0) + size

    def remove(self, lane: str, size: int) -> None:
        """Let a lane hold less; one with nothing left is forgotten."""
        left = self._bytes[lane] - size
        if left:
            self._bytes[lane] = left
        else:
            del self._bytes[lane]

    def refusal(self, lane: str, needed: int, used: int) -> str | None:
        """Return why a lane may not have so many bytes more, where `used` are taken in all; None where it may."""
        if used + needed > self._max_bytes:
            return f"the queue holds {used} of {self._max_bytes} bytes, {needed} more do not fit"
        if (used + needed) * _SHARED_FROM <= self._max_bytes:
            return None
        lanes = len(self._bytes) + (lane not in self._bytes)
        share, held = self._max_bytes // lanes, self.of(lane)
        if held + needed <= share:
            return None
        name = f"tenant {lane!r}" if lane else "the tenant without a name"
        return (
            f"{name} holds {held} of its share of {share} bytes, {needed} more do not fit: {lanes} share the queue"
        )
