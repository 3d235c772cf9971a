"""A queue on disk: records are appended, made durable in groups, taken in order, and gone once settled."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Final, Literal, NamedTuple

from otel_llm.errors import QueueError, QueueFullError
from otel_llm.queue.base import Queue, Record
from otel_llm.queue.segments import (
    HEADER_BYTES,
    Place,
    Segment,
    packed,
    scan,
    segments,
    sync_folder,
)

Fsync = Literal["always", "group", "never"]
"""When a record is made to survive a power failure: each by itself, all that came meanwhile together, or never.

A crash of the process alone loses nothing in any case.
"""

_SEGMENTS: Final = 8
"""Segments that a full queue has at least: space comes back by whole segments."""
_CURSOR: Final = struct.Struct("<QI")
"""The lowest sequence number that is not settled, and its CRC-32."""

_log: Final = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    payload: bytes
    time_ns: int
    written: Future[None]


class _Written(NamedTuple):
    sequence: int
    segment: Segment
    place: Place


class DurableQueue(Queue):
    """Records that wait in a folder of their own, over crashes and restarts.

    Any thread may append; one consumer takes and settles. What is taken and not settled comes again after a
    restart: each record is delivered at least once.
    """

    def __init__(self, folder: Path, *, max_bytes: int, fsync: Fsync = "group") -> None:
        """Open the folder, and find what an earlier process left in it.

        Args:
            folder: is made where it is not there; no other process may have it open.
            max_bytes: of all files together; beyond it nothing is taken.
            fsync: what a power failure may cost.

        Raises:
            QueueError: the folder cannot be used, or another process uses it.
        """
        super().__init__(max_bytes=max_bytes)
        self._folder = folder
        self._segment_bytes = max_bytes // _SEGMENTS
        self._fsync = fsync
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._ready: deque[_Written] = deque()
        self._files: dict[int, int] = {}  # first sequence number of a segment to its file descriptor
        with contextlib.ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_locked(folder / "lock"))
                self._cursor_file = os.open(folder / "cursor", os.O_RDWR | os.O_CREAT, 0o600)
                stack.callback(os.close, self._cursor_file)
                stack.callback(self._close_files)
                self._recover()
            except BlockingIOError as error:
                raise QueueError(f"queue.folder {str(folder)!r} is in use by another process") from error
            except OSError as error:
                raise QueueError(f"queue.folder {str(folder)!r} cannot be used: {error}") from error
            self._resources = stack.pop_all()
        self._writer = threading.Thread(target=self._write, name="queue", daemon=True)
        self._writer.start()

    def append(self, payload: bytes) -> Future[None]:
        """Return a future that is done once the record is as durable as `fsync` says.

        The future raises QueueFullError where the disk refused the record.

        Raises:
            QueueFullError: there is no room for it now.
        """
        needed = HEADER_BYTES + len(payload)
        with self._changed:
            self._check_room(self._size + self._waiting_bytes, needed)
            waiting = _Waiting(payload, time.time_ns(), Future())
            waiting.written.set_running_or_notify_cancel()  # a caller that gives up must not upset the writer
            self._waiting.append(waiting)
            self._waiting_bytes += needed
            self._changed.notify_all()
        return waiting.written

    def take(self, timeout_s: float | None = None) -> Record | None:
        """Return the next record, once there is one; None when the time is up, or the queue closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._closed, timeout_s)
            if not self._ready:
                return None
            written = self._ready.popleft()
        offset, length, time_ns = written.place
        return Record(written.sequence, os.pread(self._files[written.segment.first], length, offset), time_ns)

    def settle(self, sequences: Iterable[int]) -> None:
        """Have done with records that were taken: they will not come again."""
        with self._changed:
            for sequence in sequences:
                self._unsettled.pop(sequence, None)
            lowest = next(iter(self._unsettled), self._next)
            cursor = struct.pack("<Q", lowest)
            os.pwrite(self._cursor_file, _CURSOR.pack(lowest, zlib.crc32(cursor)), 0)
            while len(self._segments) > 1 and self._segments[1].first <= lowest:
                segment = self._segments.popleft()
                os.close(self._files.pop(segment.first))
                self._size -= segment.size
                segment.path.unlink()

    def close(self) -> None:
        """Write what waits to be written, and let go of the folder; what is not settled stays in it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._writer.join()
        self._resources.close()

    def _write(self) -> None:
        while group := self._next_group():
            failure: QueueFullError | None = None
            try:
                written = self._commit(group)
            except OSError as error:
                _log.error("queue.folder %s: %s: %d records are refused", self._folder, error, len(group))
                failure = QueueFullError(f"the queue's disk refused it: {error}")
            with self._changed:
                self._waiting_bytes -= sum(HEADER_BYTES + len(each.payload) for each in group)
                if failure is None:
                    self._publish(written)
            for each in group:
                each.written.set_exception(failure) if failure else each.written.set_result(None)

    def _next_group(self) -> list[_Waiting]:
        """Return what is written next, once there is something; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            group, size = [], 0
            while self._waiting and size < self._segment_bytes:
                group.append(self._waiting.popleft())
                size += len(group[-1].payload) if self._fsync != "always" else self._segment_bytes
            return group

    def _commit(self, group: list[_Waiting]) -> list[_Written]:
        """Write records at the end of the last segment: all of them, or none."""
        segment = self._segments[-1]
        if segment.size >= self._segment_bytes:
            segment = self._roll()
        file, offset = self._files[segment.first], segment.size
        written = []
        for sequence, each in enumerate(group, self._next):
            place = Place(offset + HEADER_BYTES, len(each.payload), each.time_ns)
            written.append(_Written(sequence, segment, place))
            offset = place.offset + place.length
        data = memoryview(b"".join(part for each in group for part in packed(each.payload, each.time_ns)))
        try:
            at = segment.size
            while data:
                count = os.pwrite(file, data, at)
                at, data = at + count, data[count:]
            if self._fsync != "never":
                os.fdatasync(file)
        except OSError:
            os.ftruncate(file, segment.size)
            raise
        return written

    def _publish(self, written: list[_Written]) -> None:
        last = written[-1]
        end = last.place.offset + last.place.length
        self._size += end - last.segment.size
        last.segment.size = end
        self._next = last.sequence + 1
        self._unsettled.update((each.sequence, each.place.time_ns) for each in written)
        self._ready.extend(written)
        self._changed.notify_all()

    def _roll(self) -> Segment:
        segment = Segment.at(self._folder, self._next)
        file = os.open(segment.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            if self._fsync != "never":
                sync_folder(self._folder)
        except OSError:
            os.close(file)
            raise
        self._files[segment.first] = file
        with self._changed:
            self._segments.append(segment)
        return segment

    def _recover(self) -> None:
        """Find the records of an earlier process that it had not settled."""
        self._segments = deque(segments(self._folder))
        cursor = self._read_cursor()
        self._next = self._segments[0].first if self._segments else cursor
        for segment in self._segments:
            if lost := segment.first - self._next:
                _log.error(
                    "queue.folder %s: %d records before %s are damaged", self._folder, lost, segment.path.name
                )
            self._files[segment.first] = os.open(segment.path, os.O_RDWR)
            self._next = segment.first
            for place in scan(segment.path):
                segment.size = place.offset + place.length
                if self._next >= cursor:
                    self._ready.append(_Written(self._next, segment, place))
                    self._unsettled[self._next] = place.time_ns
                self._next += 1
            self._size += segment.size
        if self._segments and self._next >= cursor:
            # what is not whole at the end was never acknowledged
            os.ftruncate(self._files[self._segments[-1].first], self._segments[-1].size)
        else:  # a new folder, or a power failure took records that were settled: their numbers are not used again
            self._next = cursor
            self._roll()

    def _read_cursor(self) -> int:
        data = os.pread(self._cursor_file, _CURSOR.size, 0)
        if len(data) < _CURSOR.size:
            return 0
        sequence, checksum = _CURSOR.unpack(data)
        return sequence if zlib.crc32(struct.pack("<Q", sequence)) == checksum else 0

    def _close_files(self) -> None:
        for file in self._files.values():
            os.close(file)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
