"""Items wait here and are worked on in batches by one thread, so that the thread that brings them stays free."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


class Batcher(Generic[T]):
    """A line of items in front of one worker thread."""

    def __init__(
        self, work: Callable[[Sequence[T]], None], *, max_batch: int, max_delay_s: float, max_bytes: int
    ) -> None:
        """Start the thread.

        Args:
            work: what is done with a batch, in the batcher's thread.
            max_batch: items in a batch at most.
            max_delay_s: how long an item may wait for its batch to fill up.
            max_bytes: with items of so many bytes waiting or worked on, there is no room for more.
        """
        self._work = work
        self._max_batch = max_batch
        self._max_delay_s = max_delay_s
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[float, T, int]] = deque()
        self._batch: list[tuple[float, T, int]] = []
        self._bytes = 0
        self._flushing = False
        self._closed = False
        self._changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, name="evaluate", daemon=True)
        self.thread.start()

    @property
    def pending(self) -> int:
        """Items that wait or are worked on."""
        return len(self._waiting) + len(self._batch)

    @property
    def has_room(self) -> bool:
        """Whether what waits and what is worked on is less than `max_bytes`."""
        return self._bytes < self._max_bytes

    def submit(self, item: T, size: int) -> None:
        """Take an item of so many bytes. Never blocks: whoever submits looks for room first."""
        with self._changed:
            self._waiting.append((time.monotonic(), item, size))
            self._bytes += size
            if len(self._waiting) == 1 or len(self._waiting) >= self._max_batch:
                self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return whether there is room, after waiting for it that long at most."""
        with self._changed:
            return self._changed.wait_for(lambda: self.has_room or self._closed, timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Return whether all that was submitted is worked on, after waiting for it that long at most."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self.pending, timeout_s)
            self._flushing = False
            return done

    def close(self, timeout_s: float) -> int:
        """Work on what waits, and return how many items were left when the time was up."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.thread.join(max(0.0, timeout_s))
        with self._changed:
            left = self.pending
            self._waiting.clear()
        return left

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                self._work(batch)
            except Exception:
                # the thread must outlive whatever happens to one batch, or every later item would wait for ever
                _log.exception("a batch of %d calls came to no end", len(batch))

    def _next_batch(self) -> list[T]:
        """Return the next items once there are enough, or they waited long enough; none when it is over."""
        with self._changed:
            if self._batch:  # the one before has ended
                self._bytes -= sum(size for _, _, size in self._batch)
                self._batch = []
                self._changed.notify_all()
            while not self._is_due():
                self._changed.wait(self._time_left())
            self._batch = [self._waiting.popleft() for _ in range(min(self._max_batch, len(self._waiting)))]
            return [item for _, item, _ in self._batch]

    def _is_due(self) -> bool:
        if self._closed or (self._flushing and self._waiting):
            return True
        return len(self._waiting) >= self._max_batch or self._time_left() == 0

    def _time_left(self) -> float | None:
        """Return how long the oldest item may still wait; None where none waits."""
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] + self._max_delay_s - time.monotonic())
