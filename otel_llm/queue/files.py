"""The segment files of a folder: segments with unsettled records, and the segment before them, the history."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from otel_llm.queue.recovery import Recovered, find_settled, recover
from otel_llm.queue.segments import RecordPlace, Segment, sync_folder, write_all


class SegmentFiles:
    """The open segments of a durable queue.

        roll, add              full, or sealed           retire                drop_history
    ────────────▶ tail ────────────────▶ closed to appends ──────▶ history ───────────────▶ deleted

    Used under the queue's lock, except `roll` and `write`: these wait for the disk, and only the writer calls
    them.
    """

    def __init__(self, folder: Path, *, segment_bytes: int, durable: bool) -> None:
        """Use a folder; with `durable`, written records survive a power failure."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._durable = durable
        self._segments: deque[Segment] = deque()
        self._history: Segment | None = None

    @property
    def history_bytes(self) -> int:
        """Bytes of the history."""
        return self._history.size if self._history else 0

    @property
    def tail(self) -> Segment | None:
        """The segment to append to; None if a new segment is needed."""
        return self._segments[-1] if self._segments and not self._is_full(self._segments[-1]) else None

    def open(self, cursor: int) -> Recovered:
        """Open the segments of the folder, and return their records; `cursor` is the lowest unsettled number."""
        opened: list[Segment] = []
        try:
            return recover(self._folder, cursor, opened)
        finally:
            self._segments.extend(opened)

    def roll(self, first: int) -> Segment:
        """Return a new segment that is not added yet."""
        segment = Segment.new(self._folder, first)
        try:
            if self._durable:
                sync_folder(self._folder)
        except OSError:
            segment.remove()
            raise
        return segment

    def add(self, segment: Segment) -> None:
        """Make a new segment the tail."""
        self._segments.append(segment)

    def write(self, segment: Segment, parts: Sequence[bytes]) -> None:
        """Write all parts, or nothing, at the end of a segment.

        Raises:
            OSError: the disk refused the write.
        """
        try:
            write_all(segment.file, parts, segment.size)
            if self._durable:
                os.fdatasync(segment.file)
        except OSError:
            os.ftruncate(segment.file, segment.size)
            raise

    def seal(self) -> None:
        """Close the last segment to appends, so that its space is freed once its records are settled."""
        if self._segments and self._segments[-1].size:
            self._segments[-1].sealed = True

    def retire(self, lowest: int) -> int:
        """Retire the segments below the lowest unsettled number; return the bytes that this frees.

        The last retired segment becomes the history. The tail is not retired.
        """
        freed = 0
        while self._segments and self._segments[0].next <= lowest:
            segment = self._segments[0]
            if len(self._segments) == 1 and not self._is_full(segment):
                break
            self._segments.popleft()
            freed += segment.size
            self.drop_history()
            self._history = segment
        return freed

    def drop_history(self) -> None:
        """Delete the history, to free its bytes."""
        history, self._history = self._history, None
        if history:
            history.remove()

    def has(self, segment: Segment) -> bool:
        """Return True if a segment is still open."""
        return segment is self._history or segment in self._segments

    def settled(self, cursor: int, max_bytes: int) -> Sequence[tuple[Segment, RecordPlace]]:
        """Return the places of settled records, up to `max_bytes` of the newest, the newest last."""
        history = [self._history] if self._history else []
        return find_settled([*history, *self._segments], cursor, max_bytes)

    def close(self) -> None:
        """Close all files."""
        for segment in (self._history, *self._segments):
            if segment:
                os.close(segment.file)

    def _is_full(self, segment: Segment) -> bool:
        return segment.sealed or segment.size >= self._segment_bytes
