"""The records that an earlier process left in the queue's folder."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from otel_llm.queue.segments import SETTLED, RecordPlace, Segment, open_segments, scan

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Recovered:
    """The segments of the folder, and their unsettled records."""

    next: int
    """The sequence number of the next record."""
    segments: list[Segment] = field(default_factory=list)
    unsettled: list[tuple[Segment, RecordPlace]] = field(default_factory=list)


def recover(folder: Path, cursor: int, opened: list[Segment]) -> Recovered:
    """Return the segments and records of the folder; `cursor` is the lowest unsettled number.

    A record that is not whole at the end of the last segment is cut off. Damage before the end is logged.

    Args:
        opened: segments are added here as they are opened, for the caller to close.

    Raises:
        QueueError: another version wrote a segment.
        OSError: the folder cannot be read.
    """
    left = Recovered(cursor, opened)
    for segment in open_segments(folder):
        if not opened and not cursor:  # nothing was settled, or the cursor is lost
            left.next = segment.first
        opened.append(segment)
        _expect(left, segment.first, segment)
        last = segment.next = segment.first
        for place in scan(segment):
            if place.sequence < last:
                continue  # a refused record, partly overwritten later
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


def find_settled(
    segments: Sequence[Segment], cursor: int, max_bytes: int
) -> Sequence[tuple[Segment, RecordPlace]]:
    """Return the places of settled records, up to `max_bytes` of the newest, the newest last."""
    found: deque[tuple[Segment, RecordPlace]] = deque()
    for segment in reversed(segments):
        places = [place for place in scan(segment) if place.end <= segment.size]  # the writer may be writing more
        for place in reversed(places):
            if place.sequence >= cursor and place.state != SETTLED:
                continue
            max_bytes -= place.length
            if max_bytes < 0:
                return found
            found.appendleft((segment, place))
    return found


def _expect(left: Recovered, sequence: int, segment: Segment) -> None:
    lost = sequence - left.next
    if lost > 0:
        _log.error(
            "%s: %d records before number %d are damaged or gone: they are lost", segment.path, lost, sequence
        )
        left.next = sequence


def _cut(segment: Segment) -> None:
    """Cut off a half-written record at the end: it was never acknowledged."""
    more = os.fstat(segment.file).st_size - segment.size
    if more:
        _log.warning("%s: its last %d bytes are no whole record: they are cut off", segment.path, more)
        os.ftruncate(segment.file, segment.size)
