"""What waits in a queue, and what a queue does with it, be it on disk or in memory."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """What was appended."""

    sequence: int
    payload: bytes
    time_ns: int
    """Wall-clock time at which it came."""


class Queue(Protocol):
    """Records that wait for one consumer. Any thread may append; the consumer takes them in order, and settles."""

    @property
    def size(self) -> int:
        """Bytes that it holds."""

    @property
    def pending(self) -> int:
        """Records that are not settled."""

    def oldest_pending_s(self) -> float:
        """Return the age of the oldest record that is not settled; 0 where there is none."""

    def append(self, payload: bytes) -> Future[None]:
        """Return a future that is done once the record is safe.

        Raises:
            QueueFullError: there is no room for it now; the future may raise it as well.
        """

    def take(self, timeout_s: float | None = None) -> Record | None:
        """Return the next record, once there is one; None when the time is up, or the queue closed and empty."""

    def settle(self, sequences: Iterable[int]) -> None:
        """Have done with records that were taken: they will not come again."""

    def close(self) -> None:
        """Take no more records."""
