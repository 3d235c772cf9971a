"""Items wait for a batch, which one thread works on, so that the thread that brings them stays free."""

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
    """Collects items into batches, and works on them in a thread of its own.

    An item waits until `max_batch` items wait, or the oldest one has waited for `max_delay_s`, or somebody flushes
    or closes. One batch is worked on at a time. Items that wait and the batch that is worked on are counted in
    bytes: `has_room` is False from `max_bytes` on. `submit` takes an item all the same, so the caller looks first;
    the bound can be passed by the last item.

    Any thread may call the methods; `work` runs in `thread`, which lives from the start to `close`. An exception
    of `work` is logged, and the thread goes on.
    """

    def __init__(
        self, work: Callable[[Sequence[T]], None], *, max_batch: int, max_delay_s: float, max_bytes: int
    ) -> None:
        """Start the thread.

        Args:
            work: called with each batch, in the batcher's thread.
            max_batch: most items in a batch.
            max_delay_s: seconds that an item may wait for its batch to fill up.
            max_bytes: bytes of waiting items and of the current batch from which on there is no room.
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
        """Number of items that wait or are worked on."""
        return len(self._waiting) + len(self._batch)

    @property
    def has_room(self) -> bool:
        """True if the waiting items and the current batch have fewer than `max_bytes` bytes."""
        return self._bytes < self._max_bytes

    def submit(self, item: T, size: int) -> None:
        """Take an item of `size` bytes. Never blocks: the caller looks for room first."""
        with self._changed:
            self._waiting.append((time.monotonic(), item, size))
            self._bytes += size
            if len(self._waiting) == 1 or len(self._waiting) >= self._max_batch:
                self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return whether there is room, after waiting for room for at most `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self.has_room or self._closed, timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Return whether all items are worked on, after waiting for them for at most `timeout_s`."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self.pending, timeout_s)
            self._flushing = False
            return done

    def close(self, timeout_s: float) -> int:
        """Work on the waiting items, and return how many were left after `timeout_s`."""
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
                # the thread must outlive the failure of one batch, or every later item would wait for ever
                _log.exception("a batch of %d calls came to no end", len(batch))

    def _next_batch(self) -> list[T]:
        """Return the next batch once it is due; an empty one after `close`."""
        with self._changed:
            if self._batch:  # the batch before has ended
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
        """Return the seconds that the oldest item may still wait; None if no item waits."""
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] + self._max_delay_s - time.monotonic())
