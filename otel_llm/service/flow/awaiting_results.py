"""Inline mode: requests of traces that wait for the results on their calls before they are forwarded."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from otel_llm.evaluate.definition.result import Result

SpanResults = Mapping[int, Sequence[Result]]
"""Results by the number of the span in its request."""


class WaitingRequest:
    """A request that is forwarded once.

        waiting --results on the last call--> forwarded
           |                                     ^
           +--forward_now: time is up, no room---+

    `evaluated` is called by the evaluating thread, `forward_now` by the thread that takes records. Results that
    come after the request was forwarded are dropped here; events and metrics still have them.
    """

    def __init__(self, calls: int, forward: Callable[[SpanResults], None], until_s: float = math.inf) -> None:
        """Wait for the results on `calls` calls, then call `forward` with them."""
        self._missing = calls
        self._forward: Callable[[SpanResults], None] | None = forward
        self._results: dict[int, Sequence[Result]] = {}
        self._lock = threading.Lock()
        self.until_s = until_s
        """Time at which the request is to be forwarded, by the clock of `WaitingRequests`."""

    @property
    def is_forwarded(self) -> bool:
        """True once the request was forwarded."""
        return self._forward is None

    def evaluated(self, span_index: int, results: Sequence[Result]) -> None:
        """Add the results on one span; the last ones forward the request."""
        with self._lock:
            self._missing -= 1
            if not self.is_forwarded:
                self._results[span_index] = results
        if not self._missing:
            self.forward_now()

    def forward_now(self) -> bool:
        """Forward the request with the results so far; return False if it was forwarded before."""
        with self._lock:
            forward, self._forward = self._forward, None  # `forward` refers to the request, which may be large
        if forward:
            forward(self._results)
        return forward is not None


class WaitingRequests:
    """The requests that wait, in the order in which they came, bounded in time and bytes.

    A request is late if it is forwarded before all its calls are evaluated: because it has waited `max_wait_s`, or
    because all together have more than `max_bytes` and it is the oldest. Used by the thread that takes records.
    """

    def __init__(
        self, *, max_wait_s: float, max_bytes: int, on_late: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        """Call `on_late` for each request that is late."""
        self._max_wait_s = max_wait_s
        self._max_bytes = max_bytes
        self._on_late = on_late
        self._clock = clock
        self._waiting: deque[tuple[int, WaitingRequest]] = deque()
        """Bytes and request, the oldest first; some may be forwarded already."""
        self._bytes = 0

    def add(self, calls: int, size: int, forward: Callable[[SpanResults], None]) -> WaitingRequest:
        """Return a request of `size` bytes that waits for `calls` calls; without calls it is forwarded at once."""
        request = WaitingRequest(calls, forward, self._clock() + self._max_wait_s)
        if calls:
            self._waiting.append((size, request))
            self._bytes += size
        else:
            request.forward_now()
        return request

    def forward_due(self) -> None:
        """Forward the requests whose time is up, and the oldest ones while there are too many bytes."""
        now_s = self._clock()
        if self._bytes > self._max_bytes:  # requests behind the first one may be forwarded already
            self._waiting = deque(each for each in self._waiting if not each[1].is_forwarded)
            self._bytes = sum(size for size, _ in self._waiting)
        while self._waiting:
            size, request = self._waiting[0]
            if not request.is_forwarded and request.until_s > now_s and self._bytes <= self._max_bytes:
                return
            self._waiting.popleft()
            self._bytes -= size
            if request.forward_now():
                self._on_late()

    def next_due_s(self) -> float:
        """Return the seconds until the oldest request has waited long enough; infinite where none waits."""
        return max(0.0, self._waiting[0][1].until_s - self._clock()) if self._waiting else math.inf

    def forward_all(self) -> None:
        """Forward all requests with the results so far."""
        while self._waiting:
            self._waiting.popleft()[1].forward_now()
