"""What an earlier process left in the queue's folder."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from otel_llm.queue.segments import SETTLED, Place, Segment, open_segments, scan

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Left:
    """What was found."""

    next: int
    """The sequence number of the next record."""
    segments: list[Segment] = field(default_factory=list)
    unsettled: list[tuple[Segment, Place]] = field(default_factory=list)


def recover(folder: Path, cursor: int, opened: list[Segment]) -> Left:
    """Return what the folder holds; `cursor` is the lowest sequence number that is not settled.

    What is not whole at the end of the last segment is cut off. What is damaged before that is logged.

    Args:
        opened: segments are added here as they are opened, for the caller to close.

    Raises:
        QueueError: a segment is of another version.
        OSError: the folder cannot be read.
    """
    left = Left(cursor, opened)
    for segment in open_segments(folder):
        if not opened and not cursor:  # nothing was settled, or it is not known any more what was
            left.next = segment.first
        opened.append(segment)
        _expect(left, segment.first, segment)
        last = segment.next = segment.first
        for place in scan(segment):
            if place.sequence < last:
                continue  # it was refused, and then partly written over
            segment.size = place.end
            last = segment.next = place.sequence + 1
            if place.sequence >= cursor:
                _expect(left, place.sequence, segment)
                left.next = last
                if place.state != SETTLED:
                    left.unsettled.append((segment, place))
    if opened:
        _cut(opened[-1])
    return left


def find_settled(segments: Sequence[Segment], cursor: int, max_bytes: int) -> Sequence[tuple[Segment, Place]]:
    """Return where the records are that are settled, the newest last, of so many bytes at most."""
    found: deque[tuple[Segment, Place]] = deque()
    for segment in reversed(segments):
        places = [place for place in scan(segment) if place.end <= segment.size]  # more may be being written
        for place in reversed(places):
            if place.sequence >= cursor and place.state != SETTLED:
                continue
            max_bytes -= place.length
            if max_bytes < 0:
                return found
            found.appendleft((segment, place))
    return found


def _expect(left: Left, sequence: int, segment: Segment) -> None:
    lost = sequence - left.next
    if lost > 0:
        _log.error(
            "%s: %d records before number %d are damaged or gone: they are lost", segment.path, lost, sequence
        )
        left.next = sequence


def _cut(segment: Segment) -> None:
    """Cut off what was being written at the end: it was never acknowledged."""
    more = os.fstat(segment.file).st_size - segment.size
    if more:
        _log.warning("%s: its last %d bytes are no whole record: they are cut off", segment.path, more)
        os.ftruncate(segment.file, segment.size)
