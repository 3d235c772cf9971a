"""A queue on disk: records are appended, made durable in groups, taken fairly, and gone once settled.

Records lie in segments, in the order in which they came, each with its number and lane. A cursor says below which
number everything is settled. Segments below it are deleted but for the last, which is the history that `recent`
reads.

Each record's header has a byte for its state. A record that kills whoever evaluates it must not do so for ever, so
the byte counts the processes that had it: `take` writes it one higher, and `close` writes it back for what was not
settled. A process that dies has no time for that. What is settled above the cursor, ahead of a slower lane, is
marked there too. This is one byte into the page cache, which outlives the process: no wait for the disk, and no
bound on how many records are under way. A power failure may forget it: then what was settled comes again.
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
from otel_llm.queue.files import Files
from otel_llm.queue.lanes import FairOrder
from otel_llm.queue.segments import (
    HEADER_BYTES,
    MAX_LANE_BYTES,
    SETTLED,
    Place,
    Segment,
    packed,
)

Fsync = Literal["always", "group", "never"]
"""When a record is made to survive a power failure: each by itself, all that came meanwhile together, or never.

A crash of the process alone loses nothing in any case.
"""

_SEGMENTS: Final = 8
"""Segments that a full queue has at least: space comes back by whole segments."""
_MAX_SEGMENT_BYTES: Final = 64 << 20
"""A segment is read as a whole at the start."""
_MAX_GROUP_BYTES: Final = 8 << 20
"""What is made durable together, at most: those that come first need not wait for more."""

_log: Final = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    payload: bytes
    lane: str
    size: int
    time_ns: int
    written: Future[None]


class DurableQueue(Queue):
    """Records that wait in a folder of their own, over crashes and restarts.

    Any thread may append and settle; one consumer takes. What is taken and not settled comes again after a
    restart: each record is delivered at least once.
    """

    def __init__(self, folder: Path, *, max_bytes: int, fsync: Fsync = "group") -> None:
        """Open the folder, and find what an earlier process left in it.

        Args:
            folder: is made where it is not there; no other process may have it open.
            max_bytes: of all files together; beyond it nothing is taken.
            fsync: what a power failure may cost.

        Raises:
            QueueError: the folder cannot be used, another process uses it, or another version wrote it.
        """
        super().__init__(max_bytes=max_bytes)
        self._folder = folder
        self._segment_bytes = min(max_bytes // _SEGMENTS, _MAX_SEGMENT_BYTES)
        self._fsync = fsync
        self._waiting: deque[_Waiting] = deque()
        self._ready: FairOrder[tuple[Segment, Place]] = FairOrder()
        self._taken: dict[int, tuple[Segment, Place]] = {}
        self._files = Files(folder, segment_bytes=self._segment_bytes, durable=fsync != "never")
        self._reading = threading.Lock()
        """Held while a record is read, so that its file is not closed meanwhile."""
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
        """What must live for it to work."""
        return (self._writer,)

    def append(self, payload: bytes, lane: str = "") -> Future[None]:
        """Return a future that is done once the record is as durable as `fsync` says.

        The future raises QueueFullError where the disk refused the record.

        Raises:
            QueueFullError: there is no room for it now.
        """
        with self._changed:
            size = self._claim(lane, len(payload))
            waiting = _Waiting(payload, lane, size, time.time_ns(), Future())
            waiting.written.set_running_or_notify_cancel()  # a caller that gives up must not upset the writer
            self._waiting.append(waiting)
            self._changed.notify_all()
        return waiting.written

    def take(self, timeout_s: float | None = None, held: Container[str] = ()) -> Record | None:
        """Return the next record that is of none of the lanes that are `held`, once there is one.

        None when the time is up, or the queue closed.

        Raises:
            QueueError: the disk does not give it back.
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
        """Have done with records that were taken; once the queue is closed, it is too late for that."""
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
        """Yield payloads that are settled and still in the files, the newest last, of so many bytes at most."""
        with self._changed:
            found = [] if self._closed else self._files.settled(self._cursor.sequence, max_bytes)
        for segment, place in found:
            with self._changed:  # so that its file is not closed meanwhile
                if self._closed or not self._files.has(segment):
                    continue
                payload = segment.read(place)
            yield payload

    def close(self) -> None:
        """Write what waits to be written, and let go of the folder; what is not settled stays in it."""
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

    def _mark(self, segment: Segment, place: Place, state: int) -> None:
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

    def _next_group(self) -> list[_Waiting]:
        """Return what is written next, once there is something; nothing at the end."""
        limit = 1 if self._fsync == "always" else min(self._segment_bytes, _MAX_GROUP_BYTES)
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            group, size = [], 0
            while self._waiting and size < limit:
                group.append(self._waiting.popleft())
                size += group[-1].size
            return group

    def _commit(self, group: list[_Waiting]) -> tuple[Segment, list[Place]]:
        """Write records at the end of the last segment: all of them, or none."""
        segment = self._writable()
        places: list[Place] = []
        parts: list[bytes] = []
        end = segment.size
        for sequence, each in enumerate(group, self._next):
            offset = end + each.size - len(each.payload)
            places.append(Place(sequence, end, each.lane, offset, len(each.payload), each.time_ns))
            parts += packed(segment.key, places[-1], each.payload)
            end += each.size
        self._files.write(segment, parts)
        return segment, places

    def _writable(self) -> Segment:
        """Return the segment that records are added to; the history gives way where there is no room for both."""
        with self._changed:
            if self._size + self._files.history_bytes > self._max_bytes:
                self._files.drop_history()
            if tail := self._files.tail:
                return tail
        segment = self._files.roll(self._next)
        with self._changed:
            self._files.add(segment)
        return segment

    def _publish(self, segment: Segment, places: list[Place]) -> None:
        self._next = segment.next = places[-1].sequence + 1
        segment.size = places[-1].end
        self._add(segment, places)
        self._changed.notify_all()

    def _add(self, segment: Segment, places: Iterable[Place]) -> None:
        for place in places:
            self._unsettled[place.sequence] = Unsettled(place.time_ns, place.lane, place.size)
            self._ready.add(place.lane, place.size, (segment, place))

    def _refuse(self, group: Sequence[_Waiting], error: OSError) -> None:
        """Give up what the disk refused, and give it back all that is not needed."""
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
        """Find the records of an earlier process that it had not settled."""
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
