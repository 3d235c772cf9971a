"""A queue on disk: records are appended, made durable in groups, taken fairly, and gone once settled.

Records lie in segment files, in the order in which they came, each with its number and lane. The cursor is the
lowest number that is not settled. Segments below the cursor are deleted, except the last: `recent` reads this
history.

The header of a record has one state byte:

    0 ──take──▶ 1 ──crash, restart, take──▶ 2 ── ...        the number of processes that had the record
                │  close: written back to the number before
                └─ settle, above the cursor ──▶ SETTLED     settled ahead of a slower lane

A record may kill the process that evaluates it. The byte counts these processes, so that the service can stop
trying. It is written to the page cache, which outlives the process: no write waits for the disk, and any number of
records may be in flight. A power failure may lose state bytes: then settled records come again.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import threading
import time
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final, Literal, NamedTuple

from otel_llm.errors import QueueError, QueueFullError
from otel_llm.queue.base import RECENT_BYTES, Queue, Record, Unsettled
from otel_llm.queue.cursor import Cursor
from otel_llm.queue.files import SegmentFiles
from otel_llm.queue.lanes import FairOrder
from otel_llm.queue.segments import (
    HEADER_BYTES,
    MAX_LANE_BYTES,
    SETTLED,
    RecordPlace,
    Segment,
    packed,
)

Fsync = Literal["always", "group", "never"]
"""When records survive a power failure: after a flush for each, after one flush for a group, or without a flush.

A crash of the process alone loses no record in any case.
"""

_SEGMENTS: Final = 8
"""The fewest segments of a full queue: space is freed by whole segments."""
_MAX_SEGMENT_BYTES: Final = 64 << 20
"""The size of a segment is bounded: the start reads each segment into memory as a whole."""
_MAX_GROUP_BYTES: Final = 8 << 20
"""The most bytes that one flush makes durable, so that the first records of a group do not wait for many more."""

_log: Final = logging.getLogger(__name__)


class _Unwritten(NamedTuple):
    payload: bytes
    lane: str
    size: int
    time_ns: int
    written: Future[None]


class DurableQueue(Queue):
    """Records that wait in a folder, over crashes and restarts.

    Any thread may append and settle; one thread takes. The thread `queue` writes: `append` hands it a record, and
    the future is done after the write. A record that is taken and not settled comes again after a restart: each
    record is delivered at least once. Bounded by `max_bytes` of records on disk and in the hands of the writer.
    One process at a time has the folder, by a lock file.
    """

    def __init__(self, folder: Path, *, max_bytes: int, fsync: Fsync = "group") -> None:
        """Open the folder, and find what an earlier process left in it.

        Args:
            folder: made if it does not exist; no other process may have it open.
            max_bytes: of all files together; beyond it, records are refused.
            fsync: which records survive a power failure.

        Raises:
            QueueError: the folder cannot be used, another process uses it, or another version wrote it.
        """
        super().__init__(max_bytes=max_bytes)
        self._folder = folder
        self._segment_bytes = min(max_bytes // _SEGMENTS, _MAX_SEGMENT_BYTES)
        self._fsync = fsync
        self._waiting: deque[_Unwritten] = deque()
        self._ready: FairOrder[tuple[Segment, RecordPlace]] = FairOrder()
        self._taken: dict[int, tuple[Segment, RecordPlace]] = {}
        self._files = SegmentFiles(folder, segment_bytes=self._segment_bytes, durable=fsync != "never")
        self._reading = threading.Lock()
        """Held while a record is read, so that its file stays open."""
        with contextlib.ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_locked(folder / "lock"))
                self._cursor = Cursor(folder / "cursor")
                stack.callback(self._cursor.close)
                stack.callback(self._files.close)
                self._recover()
            except BlockingIOError as error:
                raise QueueError(f"queue.folder {str(folder)!r} is in use by another process") from error
            except OSError as error:
                raise QueueError(f"queue.folder {str(folder)!r} cannot be used: {error}") from error
            self._resources = stack.pop_all()
        self._writer = threading.Thread(target=self._write, name="queue", daemon=True)
        self._writer.start()

    @property
    def threads(self) -> Sequence[threading.Thread]:
        """Threads without which the queue does not work."""
        return (self._writer,)

    def append(self, payload: bytes, lane: str = "") -> Future[None]:
        """Return a future that is done once the record is as durable as `fsync` says.

        The future raises QueueFullError if the disk refused the record.

        Raises:
            QueueFullError: there is no room for the record now.
        """
        with self._changed:
            size = self._claim(lane, len(payload))
            waiting = _Unwritten(payload, lane, size, time.time_ns(), Future())
            waiting.written.set_running_or_notify_cancel()  # the caller cannot cancel: the writer sets the result
            self._waiting.append(waiting)
            self._changed.notify_all()
        return waiting.written

    def take(self, timeout_s: float | None = None, held: Container[str] = ()) -> Record | None:
        """Return the next record of a lane that is not `held`; None after `timeout_s` or once closed.

        Raises:
            QueueError: the record cannot be read from the disk.
        """
        with self._reading:
            with self._changed:
                if not self._changed.wait_for(lambda: self._closed or self._ready.hold(held), timeout_s):
                    return None
                if self._closed:
                    return None
                segment, place = self._ready.pop()
                self._taken[place.sequence] = segment, place
            self._mark(segment, place, place.attempts + 1)
            return Record(place.sequence, segment.read(place), place.time_ns, place.lane, place.attempts)

    def settle(self, sequences: Iterable[int]) -> None:
        """Mark taken records as done; without effect once the queue is closed."""
        with self._changed:
            if self._closed:
                return
            done = [self._taken.pop(sequence) for sequence in sequences if sequence in self._taken]
            for _, place in done:
                self._forget(place.sequence)
            lowest = next(iter(self._unsettled), self._next)
            for segment, place in done:
                if place.sequence > lowest:
                    self._mark(segment, place, SETTLED)
            self._cursor.move(lowest)
            self._size -= self._files.retire(lowest)

    def recent(self, max_bytes: int = RECENT_BYTES) -> Iterator[bytes]:
        """Yield settled payloads that are still in the files: up to `max_bytes` of the newest, the newest last."""
        with self._changed:
            found = [] if self._closed else self._files.settled(self._cursor.sequence, max_bytes)
        for segment, place in found:
            with self._changed:  # so that the file stays open
                if self._closed or not self._files.has(segment):
                    continue
                payload = segment.read(place)
            yield payload

    def close(self) -> None:
        """Write the appended records, and release the folder; records that are not settled stay in it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._writer.join()
        with self._reading, self._changed:
            for segment, place in self._taken.values():
                self._mark(segment, place, place.attempts)
            self._taken.clear()
            self._resources.close()

    def _bytes_of(self, lane: str, length: int) -> int:
        lane_bytes = len(lane.encode())
        if lane_bytes > MAX_LANE_BYTES:
            raise ValueError(f"lane: must have at most {MAX_LANE_BYTES} bytes, got {lane_bytes}")
        return HEADER_BYTES + lane_bytes + length

    def _mark(self, segment: Segment, place: RecordPlace, state: int) -> None:
        try:
            place.mark(segment.file, state)
        except OSError as error:
            _log.warning("%s: %s: the state of record %d is not kept", segment.path, error, place.sequence)

    def _write(self) -> None:
        while group := self._next_group():
            try:
                segment, places = self._commit(group)
            except OSError as error:
                _log.error("queue.folder %s: %s: %d records are refused", self._folder, error, len(group))
                self._refuse(group, error)
                continue
            with self._changed:
                self._publish(segment, places)
            for each in group:
                each.written.set_result(None)

    def _next_group(self) -> list[_Unwritten]:
        """Return the records to write next, once there are any; an empty list when the queue is closed."""
        limit = 1 if self._fsync == "always" else min(self._segment_bytes, _MAX_GROUP_BYTES)
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            group, size = [], 0
            while self._waiting and size < limit:
                group.append(self._waiting.popleft())
                size += group[-1].size
            return group

    def _commit(self, group: list[_Unwritten]) -> tuple[Segment, list[RecordPlace]]:
        """Write all records of a group, or none, at the end of the last segment."""
        segment = self._writable()
        places: list[RecordPlace] = []
        parts: list[bytes] = []
        end = segment.size
        for sequence, each in enumerate(group, self._next):
            offset = end + each.size - len(each.payload)
            places.append(RecordPlace(sequence, end, each.lane, offset, len(each.payload), each.time_ns))
            parts += packed(segment.key, places[-1], each.payload)
            end += each.size
        self._files.write(segment, parts)
        return segment, places

    def _writable(self) -> Segment:
        """Return the segment to append to; without room for the history beside it, the history is deleted."""
        with self._changed:
            if self._size + self._files.history_bytes > self._max_bytes:
                self._files.drop_history()
            if tail := self._files.tail:
                return tail
        segment = self._files.roll(self._next)
        with self._changed:
            self._files.add(segment)
        return segment

    def _publish(self, segment: Segment, places: list[RecordPlace]) -> None:
        self._next = segment.next = places[-1].sequence + 1
        segment.size = places[-1].end
        self._add(segment, places)
        self._changed.notify_all()

    def _add(self, segment: Segment, places: Iterable[RecordPlace]) -> None:
        for place in places:
            self._unsettled[place.sequence] = Unsettled(place.time_ns, place.lane, place.size)
            self._ready.add(place.lane, place.size, (segment, place))

    def _refuse(self, group: Sequence[_Unwritten], error: OSError) -> None:
        """Refuse a group that the disk did not take, and free all disk space that is not needed."""
        with self._changed:
            for each in group:
                self._size -= each.size
                self._holdings.remove(each.lane, each.size)
        for each in group:
            each.written.set_exception(QueueFullError(f"the queue's disk refused it: {error}"))
        with self._changed:
            self._files.seal()
            self._size -= self._files.retire(next(iter(self._unsettled), self._next))
            self._files.drop_history()

    def _recover(self) -> None:
        """Read the records that an earlier process did not settle."""
        left = self._files.open(self._cursor.sequence)
        self._next = self.first = left.next
        self._size = sum(segment.size for segment in left.segments)
        for segment, place in left.unsettled:
            self._add(segment, [place])
            self._holdings.add(place.lane, place.size)
        self._size -= self._files.retire(next(iter(self._unsettled), self._next))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
