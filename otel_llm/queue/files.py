"""The segments of a folder: those whose records are not all settled, and the last one before them, the history."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from otel_llm.queue.recovery import Left, find_settled, recover
from otel_llm.queue.segments import Place, Segment, sync_folder, write_all


class Files:
    """Used under the queue's lock; `roll` and `write`, which wait for the disk, are the writer's alone."""

    def __init__(self, folder: Path, *, segment_bytes: int, durable: bool) -> None:
        """Use a folder; where it is durable, what is written survives a power failure."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._durable = durable
        self._segments: deque[Segment] = deque()
        self._history: Segment | None = None

    @property
    def history_bytes(self) -> int:
        """What the history takes."""
        return self._history.size if self._history else 0

    @property
    def tail(self) -> Segment | None:
        """The segment that records are added to; None where that has to be a new one."""
        return self._segments[-1] if self._segments and not self._is_full(self._segments[-1]) else None

    def open(self, cursor: int) -> Left:
        """Open what there is, and return it; `cursor` is the lowest sequence number that is not settled."""
        opened: list[Segment] = []
        try:
            return recover(self._folder, cursor, opened)
        finally:
            self._segments.extend(opened)

    def roll(self, first: int) -> Segment:
        """Return a new segment, which is yet to be added."""
        segment = Segment.new(self._folder, first)
        try:
            if self._durable:
                sync_folder(self._folder)
        except OSError:
            segment.remove()
            raise
        return segment

    def add(self, segment: Segment) -> None:
        """Let records be added to a new segment."""
        self._segments.append(segment)

    def write(self, segment: Segment, parts: Sequence[bytes]) -> None:
        """Write at the end of a segment: everything, or nothing.

        Raises:
            OSError: the disk refused it.
        """
        try:
            write_all(segment.file, parts, segment.size)
            if self._durable:
                os.fdatasync(segment.file)
        except OSError:
            os.ftruncate(segment.file, segment.size)
            raise

    def seal(self) -> None:
        """Add no more to the last segment, so that its space comes back once it is settled."""
        if self._segments and self._segments[-1].size:
            self._segments[-1].sealed = True

    def retire(self, lowest: int) -> int:
        """Let go of segments below the lowest number that is not settled; return how many bytes they had.

        The last of them becomes the history. One that records may still be added to stays.
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
        """Make room."""
        history, self._history = self._history, None
        if history:
            history.remove()

    def has(self, segment: Segment) -> bool:
        """Return whether a segment is still open."""
        return segment is self._history or segment in self._segments

    def settled(self, cursor: int, max_bytes: int) -> Sequence[tuple[Segment, Place]]:
        """Return where the records are that are settled, the newest last, of so many bytes at most."""
        history = [self._history] if self._history else []
        return find_settled([*history, *self._segments], cursor, max_bytes)

    def close(self) -> None:
        """Let go of all files."""
        for segment in (self._history, *self._segments):
            if segment:
                os.close(segment.file)

    def _is_full(self, segment: Segment) -> bool:
        return segment.sealed or segment.size >= self._segment_bytes
