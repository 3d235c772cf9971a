"""Requests that wait to be sent, in a lane for each signal and tenant: small ones leave together."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence

from otel_llm.send.lane import Clock, Lane, LaneKey, Pause, PendingRequest


class SendQueue:
    """The lanes with something to send, in the order in which they are served.

    A lane whose requests are not taken is paused, the other lanes go on; `lane.py` draws the states. Lanes take
    turns, batch by batch. Not thread-safe: `Sender` holds its lock. Not bounded: who sends waits for room first.
    """

    def __init__(self, *, max_request_bytes: int, delay_s: float, clock: Clock) -> None:
        self._max_bytes = max_request_bytes
        self._delay_s = delay_s
        self._clock = clock
        self._lanes: dict[LaneKey, Lane] = {}
        self.pauses: dict[LaneKey, Pause] = {}
        """Pauses of lanes whose requests are not taken."""
        self.total_bytes = 0
        """Bytes of all requests that wait or are in flight."""
        self.total_items = 0
        """Items of all requests that wait or are in flight."""

    def __bool__(self) -> bool:
        """Return True if any request waits or is in flight."""
        return bool(self._lanes)

    def bytes_of(self, key: LaneKey) -> int:
        """Return the bytes of a lane's requests that wait or are in flight."""
        lane = self._lanes.get(key)
        return lane.total_bytes if lane else 0

    def current_pauses(self) -> Mapping[LaneKey, Pause]:
        """Return the pauses, without those that are over and whose lane is empty: these are forgotten."""
        now_s = self._clock()
        for key in [key for key, pause in self.pauses.items() if key not in self._lanes and pause.ends_s <= now_s]:
            del self.pauses[key]
        return self.pauses

    def add(self, key: LaneKey, request: PendingRequest) -> bool:
        """Add a request; return True if a lane is ready earlier for it, so that a thread must be woken."""
        lane = self._lanes.setdefault(key, Lane())
        was_empty, was_full = not lane.waiting, lane.waiting_bytes >= self._max_bytes
        lane.waiting.append(request)
        lane.waiting_bytes += len(request.body)
        self._count(lane, [request], 1)
        return was_empty or (lane.waiting_bytes >= self._max_bytes and not was_full)

    def ready(self, *, at_once: bool, excluding: Container[LaneKey] = ()) -> tuple[LaneKey | None, float]:
        """Return a lane that is ready, else None and the seconds until one is; infinite if nothing waits.

        Args:
            at_once: True if no request waits for others to be joined with.
            excluding: lanes that do not count.
        """
        soonest_s = math.inf
        now_s = self._clock()
        for key, lane in self._lanes.items():
            soonest_s = min(soonest_s, lane.recall(now_s) - now_s)
            pause = self.pauses.get(key)
            if not lane.waiting or key in excluding or (pause and lane.in_flight):
                continue
            first = lane.waiting[0]
            is_full = at_once or first.alone or lane.waiting_bytes >= self._max_bytes
            ready_s = max(pause.ends_s if pause else 0.0, 0.0 if is_full else first.received_s + self._delay_s)
            if ready_s <= now_s:
                return key, 0.0
            soonest_s = min(soonest_s, ready_s - now_s)
        return None, soonest_s

    def take(self, key: LaneKey) -> list[PendingRequest]:
        """Take what leaves together: as much as one request may hold, at least one request."""
        lane = self._lanes[key] = self._lanes.pop(key)  # last in the round: no tenant waits for all of another
        return lane.take_batch(self._max_bytes)

    def put_back(self, key: LaneKey, requests: Sequence[PendingRequest]) -> None:
        """Let requests in flight wait again, in the order in which they were received."""
        if requests:
            self._lanes[key].put_back(requests)

    def replace(self, key: LaneKey, request: PendingRequest, parts: Sequence[PendingRequest]) -> None:
        """Replace a request in flight by its parts, which are then in flight."""
        lane = self._lanes[key]
        self._count(lane, [request], -1)
        self._count(lane, parts, 1)
        lane.in_flight += len(parts) - 1

    def defer(self, key: LaneKey, requests: Sequence[PendingRequest], rest: PendingRequest, time_s: float) -> None:
        """Replace requests in flight by `rest`, which waits until the time, by the sender's clock."""
        lane = self._lanes[key]
        lane.in_flight -= len(requests)
        self._count(lane, requests, -1)
        self._count(lane, [rest], 1)
        lane.deferred.append((time_s, rest))

    def hasten(self, time_s: float) -> None:
        """Let no deferred request wait longer than until the time."""
        for lane in self._lanes.values():
            lane.deferred = [(min(each_s, time_s), request) for each_s, request in lane.deferred]

    def finish(self, key: LaneKey, requests: Sequence[PendingRequest]) -> None:
        """Remove requests in flight; an empty lane is forgotten."""
        lane = self._lanes[key]
        lane.in_flight -= len(requests)
        self._count(lane, requests, -1)
        if not lane.waiting and not lane.in_flight and not lane.deferred:
            del self._lanes[key]

    def take_expired(
        self, max_elapsed_s: float, outage_since_s: float
    ) -> tuple[LaneKey, list[PendingRequest]] | None:
        """Take the expired requests of one lane; None if no request has expired.

        Args:
            max_elapsed_s: seconds that a request may wait while attempts fail.
            outage_since_s: when attempts for all lanes began to fail; infinite outside an outage.
        """
        now_s = self._clock()
        for key, lane in self._lanes.items():
            if expired := lane.take_expired(self.pauses.get(key), max_elapsed_s, outage_since_s, now_s):
                return key, expired
        return None

    def expires_in_s(self, max_elapsed_s: float, outage_since_s: float) -> float:
        """Return the seconds until some lane's oldest request expires; infinite while nothing fails."""
        now_s = self._clock()
        left_s = (
            lane.expires_in_s(self.pauses.get(key), max_elapsed_s, outage_since_s, now_s)
            for key, lane in self._lanes.items()
        )
        return min(left_s, default=math.inf)

    def _count(self, lane: Lane, requests: Sequence[PendingRequest], sign: int) -> None:
        size = sign * sum(len(each.body) for each in requests)
        lane.total_bytes += size
        self.total_bytes += size
        self.total_items += sign * sum(each.items for each in requests)
