"""Requests that wait to be sent, a line for each signal and tenant: small ones leave together.

A line whose requests are not taken rests, and then tries with one request: the other lines go on.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from otel_llm.otlp.signals import Signal

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
    alone: bool = False
    """Whether it is joined with no other: with others it was refused."""


@dataclass(slots=True)
class Rest:
    """Attempts in a row that are to be made again, and the pause after them; times by the monotonic clock."""

    failures: int = 0
    """How many."""
    since_s: float = math.inf
    """When the first of them failed."""
    until_s: float = 0.0
    """When the next may be made."""
    last_s: float = 0.0
    """When the last of them failed."""
    asked_s: float = 0.0
    """The pause that the receiver asked for; 0 where it is one of our own."""
    reason: str = ""
    """Why they failed."""

    def lengthen(self, pause_s: float, asked_s: float, reason: str) -> None:
        """Let it last for so long from now on, unless it is longer already."""
        self.last_s = time.monotonic()
        self.since_s = min(self.since_s, self.last_s)
        until_s = self.last_s + max(pause_s, asked_s)
        if until_s >= self.until_s:
            self.until_s, self.asked_s, self.reason = until_s, asked_s, reason

    def shorten(self, longest_s: float) -> None:
        """Let it be over soon."""
        self.until_s = min(self.until_s, time.monotonic() + longest_s)


@dataclass(slots=True)
class Line:
    """The requests of one signal and tenant."""

    requests: deque[Waiting] = field(default_factory=deque)
    waiting_bytes: int = 0
    under_way: int = 0
    """Requests that were taken, and are not done with."""
    total_bytes: int = 0
    """Of those that wait, and those under way."""


class Lines:
    """The lines, in the order in which they are served. For one thread at a time."""

    def __init__(self, *, max_request_bytes: int, delay_s: float) -> None:
        self._max_bytes = max_request_bytes
        self._delay_s = delay_s
        self._lines: dict[Key, Line] = {}
        self.rests: dict[Key, Rest] = {}
        """Of lines whose requests are not taken; a line's may outlive it: who asked for a pause is to have it."""
        self.total_bytes = 0
        """Of all requests that wait, and those under way."""
        self.total_items = 0
        """In all requests that wait, and those under way."""

    def __bool__(self) -> bool:
        """Return whether anything waits, or is under way."""
        return bool(self._lines)

    def bytes_of(self, key: Key) -> int:
        """Return the bytes of a line's requests that wait, and of those under way."""
        line = self._lines.get(key)
        return line.total_bytes if line else 0

    def resting(self) -> Mapping[Key, Rest]:
        """Return the rests that have a meaning: of others, nothing waits any more and the pause is over."""
        now = time.monotonic()
        for key in [key for key, rest in self.rests.items() if key not in self._lines and rest.until_s <= now]:
            del self.rests[key]
        return self.rests

    def add(self, key: Key, request: Waiting) -> bool:
        """Return whether that changes when something is due: of the others nobody need be woken."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line()
        was_empty, was_full = not line.requests, line.waiting_bytes >= self._max_bytes
        line.requests.append(request)
        line.waiting_bytes += len(request.body)
        self._count(line, [request], 1)
        return was_empty or (line.waiting_bytes >= self._max_bytes and not was_full)

    def due(self, *, at_once: bool, but: Container[Key] = ()) -> tuple[Key | None, float]:
        """Return a line with something to send now, else how long it is until there is; infinite: nothing waits.

        Args:
            at_once: whether no request waits for others to be joined with.
            but: lines that do not count.
        """
        soonest = math.inf
        now = time.monotonic()
        for key, line in self._lines.items():
            rest = self.rests.get(key)
            if not line.requests or key in but or (rest and line.under_way):
                continue
            first = line.requests[0]
            is_full = at_once or first.alone or line.waiting_bytes >= self._max_bytes
            left = max(rest.until_s if rest else 0.0, 0.0 if is_full else first.since_s + self._delay_s) - now
            if left <= 0:
                return key, 0.0
            soonest = min(soonest, left)
        return None, soonest

    def take(self, key: Key) -> list[Waiting]:
        """Return what leaves together: as much as one request may hold, and one request at least."""
        line = self._lines[key] = self._lines.pop(key)  # last in the round: no tenant waits for all of another
        taken = [line.requests.popleft()]
        size = len(taken[0].body)
        while line.requests and not taken[0].alone and not line.requests[0].alone:
            if size + len(line.requests[0].body) > self._max_bytes:
                break
            taken.append(line.requests.popleft())
            size += len(taken[-1].body)
        line.waiting_bytes -= size
        line.under_way += len(taken)
        return taken

    def put_back(self, key: Key, requests: Sequence[Waiting]) -> None:
        """Let requests that were taken wait again, in the order in which they came."""
        if not requests:
            return
        line = self._lines[key]
        is_in_order = not line.requests or requests[-1].since_s <= line.requests[0].since_s
        line.requests.extendleft(reversed(requests))
        if not is_in_order:  # others, which were taken later, are back before them
            line.requests = deque(sorted(line.requests, key=lambda each: each.since_s))
        line.waiting_bytes += sum(len(each.body) for each in requests)
        line.under_way -= len(requests)

    def replace(self, key: Key, request: Waiting, parts: Sequence[Waiting]) -> None:
        """Have parts of a request that was taken in its place: they are as if they were taken."""
        line = self._lines[key]
        self._count(line, [request], -1)
        self._count(line, parts, 1)
        line.under_way += len(parts) - 1

    def end(self, key: Key, requests: Sequence[Waiting]) -> None:
        """Have done with requests that were taken; a line with nothing left is forgotten."""
        line = self._lines[key]
        line.under_way -= len(requests)
        self._count(line, requests, -1)
        if not line.requests and not line.under_way:
            del self._lines[key]

    def take_over(self, max_elapsed_s: float, since_s: float) -> tuple[Key, list[Waiting]] | None:
        """Take the requests of a line whose time is over, where there are such.

        Args:
            max_elapsed_s: how long a request may wait while attempts fail.
            since_s: when those of all lines began to fail, beside what each line knows.
        """
        for key, line in self._lines.items():
            over: list[Waiting] = []
            while _left_s(line, self.rests.get(key), max_elapsed_s, since_s) <= 0:
                over.append(line.requests.popleft())
            if over:
                line.waiting_bytes -= sum(len(each.body) for each in over)
                line.under_way += len(over)
                return key, over
        return None

    def left_s(self, max_elapsed_s: float, since_s: float) -> float:
        """Return how long it is until some request's time is over; infinite where nothing fails."""
        left = (_left_s(line, self.rests.get(key), max_elapsed_s, since_s) for key, line in self._lines.items())
        return min(left, default=math.inf)

    def _count(self, line: Line, requests: Sequence[Waiting], sign: int) -> None:
        size = sign * sum(len(each.body) for each in requests)
        line.total_bytes += size
        self.total_bytes += size
        self.total_items += sign * sum(each.items for each in requests)


def _left_s(line: Line, rest: Rest | None, max_elapsed_s: float, since_s: float) -> float:
    """Return how long it is until the time of a line's first request is over."""
    began_s = min(rest.since_s, since_s) if rest else since_s
    if not line.requests or began_s == math.inf:
        return math.inf
    end_s = max(line.requests[0].since_s, began_s) + max_elapsed_s
    if rest and rest.asked_s and rest.until_s > end_s:  # it is not tried again before that
        return 0.0
    return end_s - time.monotonic()
