"""When a request is tried: a destination that is down gets a pause, and so does a tenant that it holds off.

State of the destination; `lane.py` draws that of a lane:

           "retry" about the request              the outage's pause is over
    up ──────────────────────────────▶ outage ────────────────────────────────▶ probing
    ▲                                    ▲                                       │  │
    │                                    └── "retry" about the request ──────────┘  │
    └───────────────────────── any other reply: delivered, refused, for_all ────────┘

    probing: one batch is in flight, and no other starts. A lane that did not fail in this outage is tried
    `retry.initial_s` after the last failure; only lanes that failed wait for the end of the pause.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Sequence, Set
from typing import Final, NamedTuple

from otel_llm.config.send import LONGEST_ASKED_PAUSE_S, DestinationSettings
from otel_llm.send.lane import Clock, LaneKey, Pause, PendingRequest
from otel_llm.send.reply import Reply
from otel_llm.send.send_queue import SendQueue

_DRAIN_PAUSE_S: Final = 0.1
"""The longest pause while the sender drains: it has little time, and tries all that it holds."""

_log: Final = logging.getLogger(__name__)


class Batch(NamedTuple):
    """Requests of one lane that leave together, or that have expired."""

    key: LaneKey
    requests: Sequence[PendingRequest]
    expired: Reply | None = None
    """The reason for expired requests, which are not tried again; None for requests to send."""
    is_large: bool = False
    """True if the batch is one request that must be split first."""
    outage_failures: int = 0
    """Failed attempts in a row by the destination's fault when this attempt began."""
    lane_failures: int = 0
    """Failed attempts in a row by the lane's fault when this attempt began."""


class Schedule:
    """The next batch to send, decided from the queue and the replies so far.

    While the destination is in an outage, one batch at a time is tried for all lanes. A reply that concerns one
    tenant or signal pauses the lane alone. Not thread-safe: `Sender` holds its lock around each call, and calls
    `record_reply` once for each batch that it sent. All times are by `clock`.
    """

    def __init__(self, name: str, settings: DestinationSettings, clock: Clock) -> None:
        """Start with an empty queue; `name` is the destination's, for the log."""
        self._name = name
        self._clock = clock
        self._retry = settings.retry
        self._max_bytes = settings.max_request_bytes
        self._max_elapsed_s = settings.retry.max_elapsed_s or math.inf
        self.queue = SendQueue(
            max_request_bytes=settings.max_request_bytes, delay_s=settings.batch_delay_s, clock=clock
        )
        self.last_error = ""
        """Why the last attempt failed or was refused; empty while attempts succeed."""
        self._outage = Pause()
        """The pause of the destination; without failures it is up."""
        self._failed_in_outage: set[LaneKey] = set()
        """Lanes that failed in this outage: if they alone are the cause, other lanes need not wait for its end."""
        self._probing = False
        """True if an attempt is in flight that finds out whether the outage is over."""
        self._draining = False

    def paused_tenants(self) -> tuple[Set[str], int]:
        """Return the tenants of paused lanes, and the bytes that these lanes hold together."""
        sizes = {key: size for key in self.queue.current_pauses() if (size := self.queue.bytes_of(key))}
        return {tenant for _, tenant in sizes}, sum(sizes.values())

    def drain(self) -> None:
        """Let no request wait for others, and keep pauses short, from now on."""
        self._draining = True
        for pause in (self._outage, *self.queue.pauses.values()):
            pause.shorten(self._clock(), _DRAIN_PAUSE_S)
        self.queue.hasten(self._clock() + _DRAIN_PAUSE_S)

    def defer(self, batch: Batch, rest: PendingRequest) -> None:
        """Replace a batch by the request that its receiver cannot take yet: it waits longer each time."""
        now_s = self._clock()
        longest_s = _DRAIN_PAUSE_S if self._draining else self._retry.max_s
        pause_s = min(longest_s, max(self._retry.initial_s, (now_s - rest.received_s) / 2))
        self.queue.defer(batch.key, batch.requests, rest, now_s + pause_s)

    def next_batch(self) -> Batch | float:
        """Take the batch that is to be sent or has expired; else return the seconds until there may be one."""
        if expired := self._expired_batch():
            return expired
        key, wait_s = self._ready_lane()
        if key is None:
            return wait_s
        requests = self.queue.take(key)
        if len(requests[0].body) > self._max_bytes:  # no other request is joined with such a request
            return Batch(key, requests, is_large=True)
        self._probing = self._outage.failures > 0
        pause = self.queue.pauses.get(key)
        lane_failures = pause.failures if pause else 0
        return Batch(key, requests, outage_failures=self._outage.failures, lane_failures=lane_failures)

    def record_reply(self, batch: Batch, reply: Reply) -> None:
        """Change the states of the lane and the destination by the reply to an attempt."""
        if batch.outage_failures:
            self._probing = False
        if reply.kind == "retry":
            self._record_failure(batch, reply)
        else:
            self._record_success(batch)
        if self._outage.failures and (reply.kind != "retry" or reply.for_all):
            _log.info("%s: answers again after %d attempts", self._name, self._outage.failures)
            self._outage = Pause()
            self._failed_in_outage.clear()
        reasons = (pause.reason for pause in self.queue.current_pauses().values())
        self.last_error = reply.reason if reply.kind != "delivered" else next(reasons, "")

    def _expired_batch(self) -> Batch | None:
        if self._max_elapsed_s == math.inf:
            return None
        expired = self.queue.take_expired(self._max_elapsed_s, self._outage.failing_since_s)
        return Batch(*expired, self._expiry_reply(expired[0])) if expired else None

    def _ready_lane(self) -> tuple[LaneKey | None, float]:
        """Return a lane that is ready, else None and the seconds until a lane is ready or a request expires."""
        expires_in_s = math.inf
        if self._max_elapsed_s < math.inf:
            expires_in_s = self.queue.expires_in_s(self._max_elapsed_s, self._outage.failing_since_s)
        if not self._outage.failures:
            key, wait_s = self.queue.ready(at_once=self._draining)
        elif self._probing:
            return None, expires_in_s
        else:
            key, wait_s = self._ready_in_outage()
        return key, min(wait_s, expires_in_s)

    def _ready_in_outage(self) -> tuple[LaneKey | None, float]:
        """Return a lane that may probe: one that did not fail in this outage soon, others after the pause."""
        now_s = self._clock()
        key, wait_s = self.queue.ready(at_once=self._draining, excluding=self._failed_in_outage)
        soon_s = self._outage.last_failure_s + self._retry.initial_s - now_s
        if key is not None and soon_s <= 0:
            return key, 0.0
        left_s = self._outage.ends_s - now_s
        if left_s > 0:
            return None, min(left_s, max(soon_s, wait_s))
        return (key, 0.0) if key is not None else self.queue.ready(at_once=self._draining)

    def _record_success(self, batch: Batch) -> None:
        pause = self.queue.pauses.get(batch.key)
        # an attempt that began before the receiver asked for a pause does not end this pause
        if pause and (not pause.requested_s or batch.lane_failures == pause.failures):
            if not self._outage.failures:
                _log.info("%s: taken again after %d attempts", self._lane_name(batch.key), pause.failures)
            del self.queue.pauses[batch.key]

    def _record_failure(self, batch: Batch, reply: Reply) -> None:
        if not self._outage.failures and batch.key not in self.queue.pauses:
            name = self._lane_name(batch.key) if reply.for_all else self._name
            _log.warning("%s: not taken, and tried again: %s", name, reply.reason)
        requested_s = min(reply.retry_after_s, LONGEST_ASKED_PAUSE_S)
        if reply.for_all or requested_s or not batch.outage_failures:  # in an outage no lane is to blame
            pause = self.queue.pauses.setdefault(batch.key, Pause())
            self._extend(pause, batch.lane_failures, reply.reason, requested_s)
        if not reply.for_all:
            self._failed_in_outage.add(batch.key)
            self._extend(self._outage, batch.outage_failures, reply.reason)

    def _extend(self, pause: Pause, failures: int, reason: str, requested_s: float = 0.0) -> None:
        """Extend a pause after an attempt that began when so many attempts had failed."""
        # attempts that fail at the same time count as one failure: the pause after them is the first pause
        pause.failures = max(pause.failures, failures + 1)
        longest_s = min(self._retry.max_s, self._retry.initial_s * 2 ** min(pause.failures - 1, 16))
        own_s = longest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret
        pause.extend(self._clock(), own_s, requested_s, reason)
        if self._draining:
            pause.shorten(self._clock(), _DRAIN_PAUSE_S)

    def _lane_name(self, key: LaneKey) -> str:
        signal, tenant = key
        return f"{self._name}, {signal}" + (f" of tenant {tenant!r}" if tenant else "")

    def _expiry_reply(self, key: LaneKey) -> Reply:
        pause = self.queue.pauses.get(key, self._outage)
        if pause.requested_s and pause.ends_s > self._clock():
            asked = f"asked for a pause of {pause.requested_s:g} s"
            return Reply("refused", f"{pause.reason}, {asked}, and retry.max_elapsed_s is {self._max_elapsed_s:g}")
        return Reply("refused", f"{pause.reason}, for {self._max_elapsed_s:g} s")
