"""The order of records in which no lane gets more than its share. A lane is a competitor, such as a tenant."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Container
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_SHARED_FROM: Final = 2
"""Lanes have shares while the queue is fuller than one divided by this number."""


class FairOrder(Generic[T]):
    """Items that come out in order within their lane, and fairly by bytes between lanes.

    Self-clocked fair queueing: an item is due once its lane has had as many bytes as every other lane that waits.
    A lane that comes late starts where the others are: it does not wait for their backlog, and gets no credit for
    the time in which it was empty. As with deficit round robin, big items do not get more; unlike there, a small
    item does not wait for the turn of each big item. Not thread-safe: the queue holds its lock.

    Source: Golestani, "A self-clocked fair queueing scheme for broadband applications", INFOCOM 1994.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._lanes: dict[str, deque[tuple[int, T]]] = {}
        """The waiting items of each lane, each with its bytes."""
        self._heads: list[tuple[int, int, str]] = []
        """A heap of the lanes: when the first item is due, by virtual time in bytes; a counter for ties; the
        lane."""
        self._held: set[str] = set()
        self._now = 0
        self._count = 0

    def add(self, lane: str, size: int, item: T) -> None:
        """Add an item of so many bytes as the last of its lane."""
        waiting = self._lanes.get(lane)
        if waiting is None:
            waiting = self._lanes[lane] = deque()
        waiting.append((max(1, size), item))
        if len(waiting) == 1:
            self._line_up(lane)

    def hold(self, lanes: Container[str]) -> bool:
        """Hold exactly these lanes; return True if another lane has an item.

        A lane that is held no longer starts where the other lanes are.
        """
        for lane in [lane for lane in self._held if lane not in lanes]:
            self._held.remove(lane)
            self._line_up(lane)
        while self._heads and self._heads[0][2] in lanes:
            self._held.add(heapq.heappop(self._heads)[2])
        return bool(self._heads)

    def pop(self) -> T:
        """Take the next item of a lane that is not held."""
        self._now, _, lane = heapq.heappop(self._heads)
        waiting = self._lanes[lane]
        item = waiting.popleft()[1]
        if waiting:
            self._line_up(lane)
        else:
            del self._lanes[lane]
        return item

    def _line_up(self, lane: str) -> None:
        self._count += 1
        heapq.heappush(self._heads, (self._now + self._lanes[lane][0][0], self._count, lane))


class Holdings:
    """The bytes that each lane holds of a shared bound."""

    def __init__(self, max_bytes: int) -> None:
        """Share `max_bytes` between the lanes."""
        self._max_bytes = max_bytes
        self._bytes: dict[str, int] = {}

    def of(self, lane: str) -> int:
        """Return the bytes that a lane holds."""
        return self._bytes.get(lane, 0)

    def all(self) -> dict[str, int]:
        """Return the bytes of each lane that holds something."""
        return dict(self._bytes)

    def add(self, lane: str, size: int) -> None:
        """Add bytes to a lane."""
        self._bytes[lane] = self._bytes.get(lane, 0) + size

    def remove(self, lane: str, size: int) -> None:
        """Take bytes from a lane; a lane without bytes is forgotten."""
        left = self._bytes[lane] - size
        if left:
            self._bytes[lane] = left
        else:
            del self._bytes[lane]

    def refusal(self, lane: str, needed: int, used: int) -> str | None:
        """Return why a lane may not have `needed` more bytes while all lanes have `used`; None if it may."""
        if used + needed > self._max_bytes:
            return f"the queue holds {used} of {self._max_bytes} bytes, {needed} more do not fit"
        if (used + needed) * _SHARED_FROM <= self._max_bytes:
            return None
        lanes = len(self._bytes) + (lane not in self._bytes)
        # without tenants, the lane without a name is the only one: no share is left for another
        shares = 1 if lanes == 1 and not lane else lanes + 1
        share, held = self._max_bytes // shares, self.of(lane)
        if held + needed <= share:
            return None
        name = f"tenant {lane!r}" if lane else "the tenant without a name"
        return (
            f"{name} holds {held} of its share of {share} bytes, {needed} more do not fit: {lanes} share the queue"
        )
