"""Records in files: how one lies on disk, how records are written, and how they are read back after a crash.

A segment is a file of records, each a header, its lane and its payload. A record is whole if its checksum says so.
What a crash left half written at the end was never acknowledged, since that comes after the write. Damage before
the end costs the damaged records alone: each has its number, so that those after it are known again.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from otel_llm.errors import QueueError

_HEADER: Final = struct.Struct("<3sBBxHIIQQ")
"""Magic, version, state, bytes of lane and of payload, CRC-32, sequence number, wall-clock nanoseconds."""
_CHECKED: Final = struct.Struct("<HIQQ")
"""What the checksum covers beside lane and payload. The state changes in place, so it is not covered."""
_MAGIC: Final = b"OLQ"
_VERSION: Final = 2
_STATE_OFFSET: Final = 4
_SUFFIX: Final = ".segment"
_MAX_BUFFERS: Final = os.sysconf("SC_IOV_MAX")
HEADER_BYTES: Final = _HEADER.size
MAX_LANE_BYTES: Final = 0xFFFF
SETTLED: Final = 0xFF
"""The state of a record that is settled; below it, how many processes have had the record."""
_MAX_ATTEMPTS: Final = SETTLED - 2


class Place(NamedTuple):
    """Where a record lies in its segment."""

    sequence: int
    start: int
    lane: str
    offset: int
    """Of the payload."""
    length: int
    """Of the payload."""
    time_ns: int
    """Wall-clock time at which it came."""
    state: int = 0

    @property
    def attempts(self) -> int:
        """Processes that had it, and died before it was settled."""
        return min(self.state, _MAX_ATTEMPTS)

    @property
    def end(self) -> int:
        """Where the next record begins."""
        return self.offset + self.length

    @property
    def size(self) -> int:
        """All its bytes."""
        return self.end - self.start

    def mark(self, file: int, state: int) -> None:
        """Write its state, which outlives a crash of the process."""
        os.pwrite(file, bytes([state]), self.start + _STATE_OFFSET)


@dataclass(slots=True)
class Segment:
    """A file of consecutive records."""

    first: int
    """Sequence number of its first record."""
    path: Path
    file: int
    """Its descriptor."""
    size: int = 0
    """Bytes of whole records in it, and of damaged ones between them."""
    next: int = 0
    """Sequence number of the record that follows its last one."""
    sealed: bool = False
    """No more records are added to it."""

    @classmethod
    def new(cls, folder: Path, first: int) -> Segment:
        """Make the segment of that folder whose first record has the number."""
        path = folder / f"{first:020d}{_SUFFIX}"
        return cls(first, path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), next=first)

    def read(self, place: Place) -> bytes:
        """Return a record's payload.

        Raises:
            QueueError: the disk does not give it back.
        """
        try:
            payload = os.pread(self.file, place.length, place.offset)
        except OSError as error:
            raise QueueError(f"{self.path}: record {place.sequence} cannot be read: {error}") from error
        if len(payload) < place.length:
            raise QueueError(f"{self.path}: record {place.sequence} is cut off: was the file changed?")
        return payload

    def remove(self) -> None:
        """Delete it."""
        os.close(self.file)
        self.path.unlink()


def open_segments(folder: Path) -> Iterator[Segment]:
    """Yield the folder's segments in order."""
    for path in sorted(folder.glob(f"{'[0-9]' * 20}{_SUFFIX}")):
        yield Segment(int(path.stem), path, os.open(path, os.O_RDWR))


def packed(place: Place, payload: bytes) -> tuple[bytes, bytes]:
    """Return what is written for a record: what comes before the payload, and the payload."""
    lane = place.lane.encode()
    checksum = _checksum(lane, payload, place.sequence, place.time_ns)
    header = _HEADER.pack(
        _MAGIC, _VERSION, place.state, len(lane), len(payload), checksum, place.sequence, place.time_ns
    )
    return header + lane, payload


def write_all(file: int, parts: Sequence[bytes], offset: int) -> None:
    """Write the parts one after the other, without a copy of them.

    Raises:
        OSError: the disk refused some of it.
    """
    for first in range(0, len(parts), _MAX_BUFFERS):
        some = parts[first : first + _MAX_BUFFERS]
        end = offset + sum(map(len, some))
        offset += os.pwritev(file, some, offset)
        if offset < end:  # as where the disk fills up: the next write says why
            rest = memoryview(b"".join(some))[offset - end :]
            while rest:
                count = os.pwrite(file, rest, offset)
                offset, rest = offset + count, rest[count:]


def scan(segment: Segment) -> Iterator[Place]:
    """Yield the whole records of a segment; between two of them there may be damaged ones.

    Raises:
        QueueError: it was written in another version of this format.
    """
    data = segment.path.read_bytes()
    if data[:3] == _MAGIC and data[3:4] != bytes([_VERSION]) and len(data) >= HEADER_BYTES:
        raise QueueError(
            f"{segment.path} is of version {data[3]}, and this release reads version {_VERSION}: let the release "
            "that wrote it empty the queue, or move the file away"
        )
    offset = 0
    while offset >= 0:
        place = _read(data, offset)
        if place:
            yield place
            offset = place.end
        else:
            offset = data.find(_MAGIC, offset + 1)


def sync_folder(folder: Path) -> None:
    """Make it durable which files the folder has."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _read(data: bytes, start: int) -> Place | None:
    """Return the record that begins there, if it is whole."""
    if start + HEADER_BYTES > len(data):
        return None
    magic, version, state, lane_length, length, checksum, sequence, time_ns = _HEADER.unpack_from(data, start)
    offset = start + HEADER_BYTES + lane_length
    if magic != _MAGIC or version != _VERSION or offset + length > len(data):
        return None
    lane = data[start + HEADER_BYTES : offset]
    if _checksum(lane, memoryview(data)[offset : offset + length], sequence, time_ns) != checksum:
        return None
    return Place(sequence, start, lane.decode(), offset, length, time_ns, state)


def _checksum(lane: bytes, payload: bytes | memoryview, sequence: int, time_ns: int) -> int:
    return zlib.crc32(payload, zlib.crc32(_CHECKED.pack(len(lane), len(payload), sequence, time_ns) + lane))
