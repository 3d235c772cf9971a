"""What of each record is still to be done; a record with nothing left is settled in the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable


class Ledger:
    """Shares of records: one for each part of it that is under way. Any thread may hold and release them."""

    def __init__(self, settle: Callable[[Iterable[int]], None]) -> None:
        """Give `settle` the sequence numbers of records that have no share left."""
        self._settle = settle
        self._shares: dict[int, int] = {}
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """Records that are under way."""
        return len(self._shares)

    def hold(self, sequence: int) -> None:
        """Add a share."""
        with self._lock:
            self._shares[sequence] = self._shares.get(sequence, 0) + 1

    def release(self, sequences: Iterable[int]) -> None:
        """Take one share of each record off, as often as it is named."""
        done = []
        with self._lock:
            for sequence in sequences:
                self._shares[sequence] -= 1
                if not self._shares[sequence]:
                    del self._shares[sequence]
                    done.append(sequence)
        if done:
            self._settle(done)
