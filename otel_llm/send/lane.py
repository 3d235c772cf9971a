"""A lane: the requests of one signal and one tenant that wait to be sent, and the pause after failed attempts.

State of a lane, which may be waiting and in flight at the same time:

    empty ──add──▶ waiting ──full, or batch_delay_s is over──▶ ready ──take──▶ in flight
                     ▲                                                             │
                     ├──── put_back: reply "retry" ────────────────────────────────┤
                     ├──── put_back: refused as one of several, next sent alone ───┤
                     ├──── defer: what of it cannot be taken yet, after some seconds ┤
    empty ◀─────────────── finish: delivered, refused or expired ──────────────────┘

    expired: attempts failed for max_elapsed_s; `take_expired` takes the request from waiting.
    paused: from a "retry" until the next reply that is none. Within the pause nothing is ready; after the pause,
    one batch at a time. A pause outlives its lane: a receiver that asked for a pause gets it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from otel_llm.otlp.signals import Signal

Clock = Callable[[], float]
"""Returns the time in seconds, as `time.monotonic`; tests give a clock of their own."""
LaneKey = tuple[Signal, str]
"""A signal and a tenant."""


class SendOutcome(NamedTuple):
    """The final state of a request."""

    refused: Sequence[bytes] = ()
    """Requests with the items that were not delivered; empty if all items were."""
    reason: str = ""
    """Why items were not delivered."""


class PendingRequest(NamedTuple):
    """A request that is not delivered yet."""

    body: bytes
    items: int
    done: Callable[[SendOutcome], None]
    """Called once, with the final state."""
    received_s: float
    """When the sender received the request, by its clock."""
    alone: bool = False
    """True if the request must not be joined with others: a joined request was refused."""


@dataclass(slots=True)
class Pause:
    """A row of failed attempts, and the pause after the last of them; times by the sender's clock."""

    failures: int = 0
    """Failed attempts in a row."""
    failing_since_s: float = math.inf
    """When the first attempt failed."""
    last_failure_s: float = 0.0
    """When the last attempt failed."""
    ends_s: float = 0.0
    """When the next attempt may be made."""
    requested_s: float = 0.0
    """Seconds of pause that the receiver asked for; 0 if the pause is one of our own."""
    reason: str = ""
    """Why the attempts failed."""

    def extend(self, now_s: float, pause_s: float, requested_s: float, reason: str) -> None:
        """Extend the pause to at least `pause_s` and `requested_s` from now; never shorten it."""
        self.last_failure_s = now_s
        self.failing_since_s = min(self.failing_since_s, now_s)
        ends_s = now_s + max(pause_s, requested_s)
        if ends_s >= self.ends_s:
            self.ends_s, self.requested_s, self.reason = ends_s, requested_s, reason

    def shorten(self, now_s: float, longest_s: float) -> None:
        """Let the pause end within `longest_s` from now."""
        self.ends_s = min(self.ends_s, now_s + longest_s)


@dataclass(slots=True)
class Lane:
    """The requests of one signal and one tenant."""

    waiting: deque[PendingRequest] = field(default_factory=deque)
    waiting_bytes: int = 0
    deferred: list[tuple[float, PendingRequest]] = field(default_factory=list)
    """Requests that wait for a time of their own, by the sender's clock, while others of the lane are sent."""
    in_flight: int = 0
    """Requests that were taken, and are not finished."""
    total_bytes: int = 0
    """Bytes of the waiting requests and of those in flight."""

    def take_batch(self, max_bytes: int) -> list[PendingRequest]:
        """Take the requests that leave together: up to `max_bytes`, at least one request."""
        batch = [self.waiting.popleft()]
        size = len(batch[0].body)
        while self.waiting and not batch[0].alone and not self.waiting[0].alone:
            if size + len(self.waiting[0].body) > max_bytes:
                break
            batch.append(self.waiting.popleft())
            size += len(batch[-1].body)
        self.waiting_bytes -= size
        self.in_flight += len(batch)
        return batch

    def take_expired(
        self, pause: Pause | None, max_elapsed_s: float, outage_since_s: float, now_s: float
    ) -> list[PendingRequest]:
        """Take the requests whose `max_elapsed_s` is over."""
        expired: list[PendingRequest] = []
        while self.expires_in_s(pause, max_elapsed_s, outage_since_s, now_s) <= 0:
            expired.append(self.waiting.popleft())
        self.waiting_bytes -= sum(len(each.body) for each in expired)
        self.in_flight += len(expired)
        return expired

    def put_back(self, requests: Sequence[PendingRequest]) -> None:
        """Let requests in flight wait again, in the order in which they were received."""
        is_in_order = not self.waiting or requests[-1].received_s <= self.waiting[0].received_s
        self.waiting.extendleft(reversed(requests))
        if not is_in_order:  # requests that were taken later were put back earlier
            self.waiting = deque(sorted(self.waiting, key=lambda each: each.received_s))
        self.waiting_bytes += sum(len(each.body) for each in requests)
        self.in_flight -= len(requests)

    def recall(self, now_s: float) -> float:
        """Let the deferred requests wait whose time has come; return the time of the next one, or infinity."""
        due = [request for time_s, request in self.deferred if time_s <= now_s]
        if due:
            self.deferred = [each for each in self.deferred if each[0] > now_s]
            self.in_flight += len(due)
            self.put_back(sorted(due, key=lambda each: each.received_s))
        return min((time_s for time_s, _ in self.deferred), default=math.inf)

    def expires_in_s(
        self, pause: Pause | None, max_elapsed_s: float, outage_since_s: float, now_s: float
    ) -> float:
        """Return the seconds until the oldest request reaches `max_elapsed_s`; infinite while nothing fails."""
        failing_since_s = min(pause.failing_since_s, outage_since_s) if pause else outage_since_s
        if not self.waiting or failing_since_s == math.inf:
            return math.inf
        expires_s = max(self.waiting[0].received_s, failing_since_s) + max_elapsed_s
        if pause and pause.requested_s and pause.ends_s > expires_s:  # there is no attempt before it expires
            return 0.0
        return expires_s - now_s
