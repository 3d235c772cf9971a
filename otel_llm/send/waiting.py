"""Requests that wait to be sent, a line for each signal and tenant: small ones leave together."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from otel_llm.receive.signals import Signal

Key = tuple[Signal, str]
"""A signal and a tenant."""


class Outcome(NamedTuple):
    """What became of a request."""

    refused: Sequence[bytes] = ()
    """What of it could not be delivered, as requests; nothing where all was."""
    reason: str = ""
    """Why not."""


class Waiting(NamedTuple):
    """A request, and who waits to hear of it."""

    body: bytes
    items: int
    done: Callable[[Outcome], None]
    since_s: float
    """When it came, by the monotonic clock."""


class _Line:
    __slots__ = ("requests", "total_bytes")

    def __init__(self) -> None:
        self.requests: deque[Waiting] = deque()
        self.total_bytes = 0


class Lines:
    """The lines, in the order in which they are served. For one thread at a time."""

    def __init__(self, *, max_request_bytes: int, delay_s: float) -> None:
        self._max_bytes = max_request_bytes
        self._delay_s = delay_s
        self._lines: dict[Key, _Line] = {}

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self._lines)

    def add(self, key: Key, request: Waiting) -> bool:
        """Return whether that changes when something is due: of the others nobody need be woken."""
        line = self._lines.get(key)
        is_new = line is None
        if line is None:
            line = self._lines[key] = _Line()
        line.requests.append(request)
        was_full = line.total_bytes >= self._max_bytes
        line.total_bytes += len(request.body)
        return is_new or (line.total_bytes >= self._max_bytes and not was_full)

    def due(self, *, at_once: bool) -> tuple[Key | None, float | None]:
        """Return a line with something to send now, else how long it is until there is; None: nothing waits."""
        soonest: float | None = None
        now = time.monotonic()
        for key, line in self._lines.items():
            left = 0.0 if at_once else line.requests[0].since_s + self._delay_s - now
            if left <= 0 or line.total_bytes >= self._max_bytes:
                return key, None
            soonest = left if soonest is None else min(soonest, left)
        return None, soonest

    def take(self, key: Key) -> list[Waiting]:
        """Return what leaves together: as much as one request may hold, and one request at least."""
        line = self._lines.pop(key)
        requests = line.requests
        taken = [requests.popleft()]
        size = len(taken[0].body)
        while requests and size + len(requests[0].body) <= self._max_bytes:
            size += len(requests[0].body)
            taken.append(requests.popleft())
        line.total_bytes -= size
        if requests:  # at the end of the round: no tenant waits behind another one's many requests
            self._lines[key] = line
        return taken
