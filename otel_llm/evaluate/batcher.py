"""Calls wait here, bounded, and are evaluated in batches by one thread, so that the event loop stays free."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from otel_llm.receive.call import Call

Work = Callable[[Sequence[Call]], None]
"""Evaluates a batch and reports its results. Runs in the batcher's thread."""

_log: Final = logging.getLogger(__name__)


class Batcher:
    """A bounded queue of calls in front of one worker thread."""

    def __init__(self, work: Work, *, max_pending: int, max_batch: int, max_delay_s: float) -> None:
        """Start the thread.

        Args:
            work: what is done with a batch.
            max_pending: with this many calls waiting, no more are taken.
            max_batch: calls in a batch at most.
            max_delay_s: how long a call may wait for its batch to fill up.
        """
        self._work = work
        self._max_pending = max_pending
        self._max_batch = max_batch
        self._max_delay_s = max_delay_s
        self._waiting: deque[tuple[float, Call]] = deque()
        self._batch: list[tuple[float, Call]] = []
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="evaluate", daemon=True)
        self._thread.start()

    def submit(self, calls: Sequence[Call]) -> bool:
        """Take all calls, or none: return whether they were taken. Never blocks.

        The queue is full once it holds `max_pending` calls. What comes before that is taken whole, even
        beyond the limit: a request that is larger than the queue would otherwise be retried for ever.
        """
        with self._changed:
            if self._closed or len(self._waiting) >= self._max_pending:
                return False
            now = time.monotonic()
            self._waiting.extend((now, call) for call in calls)
            self._changed.notify()
            return True

    def oldest_pending_s(self) -> float:
        """Return the age of the oldest call whose evaluation has not ended; 0 where there is none."""
        with self._changed:
            oldest = self._batch or self._waiting
            return time.monotonic() - oldest[0][0] if oldest else 0.0

    def close(self, timeout_s: float) -> int:
        """Take no more calls, evaluate those that wait, and return how many were left when the time was up."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(max(0.0, timeout_s))
        with self._changed:
            left = len(self._batch) + len(self._waiting)
            self._waiting.clear()
        return left

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                self._work(batch)
            except Exception:
                # the thread must outlive whatever happens to one batch, or every later call would wait for ever
                _log.exception("the results of a batch of %d calls were not reported", len(batch))

    def _next_batch(self) -> list[Call]:
        """Return the next calls once there are enough, or they waited long enough; none when it is over."""
        with self._changed:
            self._batch = []  # the one before has ended
            while not self._is_due():
                self._changed.wait(self._time_left())
            self._batch = [self._waiting.popleft() for _ in range(min(self._max_batch, len(self._waiting)))]
            return [call for _, call in self._batch]

    def _is_due(self) -> bool:
        return self._closed or len(self._waiting) >= self._max_batch or self._time_left() == 0

    def _time_left(self) -> float | None:
        """Return how long the oldest call may still wait; None where none waits."""
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] + self._max_delay_s - time.monotonic())
