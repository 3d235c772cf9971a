"""References to records that are under way; a record without references is settled in the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable


class RecordRefs:
    """Counts the references to each record: one for each part of the record that is under way.

    The states of a record:

        queued --take--> taken --acquire--> open --last release--> settled
           ^               |                 |
           +---------------+-----------------+
                  the process ends: the record comes again at the next start

    A record that is never released stays open on purpose: it comes again. Any thread may call. Holds one number
    for each open record, at most the records that the queue has room for.
    """

    def __init__(self, settle: Callable[[Iterable[int]], None]) -> None:
        """Call `settle` with the sequence numbers of records that have no reference left."""
        self._settle = settle
        self._refs: dict[int, int] = {}
        """References by sequence number."""
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """Number of records that are open."""
        return len(self._refs)

    def acquire(self, sequence: int) -> None:
        """Add a reference to a record."""
        with self._lock:
            self._refs[sequence] = self._refs.get(sequence, 0) + 1

    def release(self, sequences: Iterable[int]) -> None:
        """Remove one reference for each time that a record is named."""
        done = []
        with self._lock:
            for sequence in sequences:
                self._refs[sequence] -= 1
                if not self._refs[sequence]:
                    del self._refs[sequence]
                    done.append(sequence)
        if done:
            self._settle(done)
