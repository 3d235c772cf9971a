"""Which record is next, so that no lane gets more than its share. A lane is who competes, such as a tenant."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Container
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
        self._lanes: dict[str, deque[tuple[int, T]]] = {}
        """What waits, with its size."""
        self._heads: list[tuple[int, int, str]] = []
        """Lanes by when the first item of each is due, and what came first."""
        self._held: set[str] = set()
        self._now = 0
        self._count = 0

    def add(self, lane: str, size: int, item: T) -> None:
        """Add an item of so many bytes behind those of its lane."""
        waiting = self._lanes.get(lane)
        if waiting is None:
            waiting = self._lanes[lane] = deque()
        waiting.append((max(1, size), item))
        if len(waiting) == 1:
            self._line_up(lane)

    def hold(self, lanes: Container[str]) -> bool:
        """Let these lanes wait, and no others; return whether there is a next item of another one.

        A lane that is held no longer starts where the others are.
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
        # who has no name may be the only one there is; else a share is left for one who comes
        shares = 1 if lanes == 1 and not lane else lanes + 1
        share, held = self._max_bytes // shares, self.of(lane)
        if held + needed <= share:
            return None
        name = f"tenant {lane!r}" if lane else "the tenant without a name"
        return (
            f"{name} holds {held} of its share of {share} bytes, {needed} more do not fit: {lanes} share the queue"
        )
