"""Inline: requests of traces on their way through the service."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from otel_llm.evaluate.definition.result import Result

Verdicts = Mapping[int, Sequence[Result]]
"""The results on a request's spans, which are numbered in their order."""


class Passage:
    """A request that goes on once: when its calls are evaluated, or when it is let go. Used by several threads."""

    def __init__(self, calls: int, go_on: Callable[[Verdicts], None], until_s: float = math.inf) -> None:
        """Call `go_on` with the verdicts on so many calls."""
        self._missing = calls
        self._go_on: Callable[[Verdicts], None] | None = go_on
        self._verdicts: dict[int, Sequence[Result]] = {}
        self._lock = threading.Lock()
        self.until_s = until_s
        """When it is to be let go, by the monotonic clock."""

    @property
    def gone(self) -> bool:
        """Whether it has gone on."""
        return self._go_on is None

    def evaluated(self, index: int, results: Sequence[Result]) -> None:
        """Add the results on the span of that number; the last ones let it go."""
        with self._lock:
            self._missing -= 1
            if not self.gone:
                self._verdicts[index] = results
        if not self._missing:
            self.leave()

    def leave(self) -> bool:
        """Go on with the verdicts that have come; return whether it had not gone yet."""
        with self._lock:
            go_on, self._go_on = self._go_on, None  # with it goes the request, which may be large
        if go_on:
            go_on(self._verdicts)
        return go_on is not None


class Passages:
    """Requests that wait for their verdicts, bounded in time and bytes: the oldest make room. For one thread."""

    def __init__(self, *, max_wait_s: float, max_bytes: int, late: Callable[[], None]) -> None:
        """Call `late` for each request that goes on before all its calls are evaluated."""
        self._max_wait_s = max_wait_s
        self._max_bytes = max_bytes
        self._late = late
        self._waiting: deque[tuple[int, Passage]] = deque()
        self._bytes = 0

    def open(self, calls: int, size: int, go_on: Callable[[Verdicts], None]) -> Passage:
        """Return the passage of a request of so many bytes; one without calls has left."""
        passage = Passage(calls, go_on, time.monotonic() + self._max_wait_s)
        if calls:
            self._waiting.append((size, passage))
            self._bytes += size
        else:
            passage.leave()
        return passage

    def let_go(self) -> None:
        """Let go of those that have waited long enough, and of the oldest while there is too much."""
        now = time.monotonic()
        if self._bytes > self._max_bytes:  # some behind the first may have gone
            self._waiting = deque(each for each in self._waiting if not each[1].gone)
            self._bytes = sum(size for size, _ in self._waiting)
        while self._waiting:
            size, passage = self._waiting[0]
            if not passage.gone and passage.until_s > now and self._bytes <= self._max_bytes:
                return
            self._waiting.popleft()
            self._bytes -= size
            if passage.leave():
                self._late()

    def next_due_s(self) -> float:
        """Return how long it is until one has waited long enough; infinite where none waits."""
        return max(0.0, self._waiting[0][1].until_s - time.monotonic()) if self._waiting else math.inf

    def leave(self) -> None:
        """Let all go: the end has come."""
        while self._waiting:
            self._waiting.popleft()[1].leave()
