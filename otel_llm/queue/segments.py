"""Records in files: how one lies on disk, how records are written, and how they are read back after a crash.

A segment is a file of records, each a header, its lane and its payload. A record is whole if its checksums say so.
What a crash left half written at the end was never acknowledged, since that comes after the write. Damage before
the end costs the damaged records alone: each has its number, so that those after it are known again.

A payload is the sender's to choose, and may look like records. So headers are signed with a key of the segment,
which its name has: nothing in a payload is taken for a record, and a search for the next header ends soon.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from otel_llm.errors import QueueError

_FIELDS: Final = struct.Struct("<HIIQQ")
"""Bytes of lane and of payload, CRC-32 of both, sequence number, wall-clock nanoseconds."""
_SIGNATURE_BYTES: Final = 8
_HEADER: Final = struct.Struct(f"<4sBx{_FIELDS.size}s{_SIGNATURE_BYTES}s")
"""Magic, state, fields, their signature. The state changes in place, so nothing covers it."""
_MAGIC: Final = b"OLQR"
_STATE_OFFSET: Final = len(_MAGIC)
_VERSION: Final = 3
_KEY_BYTES: Final = 16
_SUFFIX: Final = ".segment"
_NAME: Final = re.compile(rf"([0-9]{{20}})\.{_VERSION}\.([0-9a-f]{{{2 * _KEY_BYTES}}})")
"""Sequence number of the first record, version of the format, key."""
_MAX_BUFFERS: Final = os.sysconf("SC_IOV_MAX")
_log: Final = logging.getLogger(__name__)
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
    key: bytes
    """What its headers are signed with."""
    size: int = 0
    """Bytes of whole records in it, and of damaged ones between them."""
    next: int = 0
    """Sequence number of the record that follows its last one."""
    sealed: bool = False
    """No more records are added to it."""

    @classmethod
    def new(cls, folder: Path, first: int) -> Segment:
        """Make the segment of that folder whose first record has the number."""
        key = secrets.token_bytes(_KEY_BYTES)
        path = folder / f"{first:020d}.{_VERSION}.{key.hex()}{_SUFFIX}"
        return cls(first, path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), key, next=first)

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Open one that is there.

        Raises:
            QueueError: another version of this format has such names.
        """
        named = _NAME.fullmatch(path.stem)
        if not named:
            raise QueueError(
                f"{path} is not of version {_VERSION}, which this release reads: let the release that wrote it "
                "empty the queue, or move the file away"
            )
        return cls(int(named[1]), path, os.open(path, os.O_RDWR), bytes.fromhex(named[2]))

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
        """Delete it, which a disk that fails may refuse: then it is there again after a restart, and settled."""
        os.close(self.file)
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            _log.error("%s cannot be removed: %s", self.path, error)


def open_segments(folder: Path) -> Iterator[Segment]:
    """Yield the folder's segments in order.

    Raises:
        QueueError: one is of another version of this format.
    """
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        yield Segment.open(path)


def packed(key: bytes, place: Place, payload: bytes) -> tuple[bytes, bytes]:
    """Return what is written for a record in a segment of that key: what precedes the payload, and the payload."""
    lane = place.lane.encode()
    fields = _FIELDS.pack(len(lane), len(payload), _checksum(lane, payload), place.sequence, place.time_ns)
    return _HEADER.pack(_MAGIC, place.state, fields, _signature(key, fields)) + lane, payload


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
    """Yield the whole records of a segment; between two of them there may be damaged ones."""
    data = segment.path.read_bytes()
    offset = 0
    while offset >= 0:
        place = _read(segment.key, data, offset)
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


def _read(key: bytes, data: bytes, start: int) -> Place | None:
    """Return the record that begins there, if it is whole."""
    if start + HEADER_BYTES > len(data):
        return None
    magic, state, fields, signature = _HEADER.unpack_from(data, start)
    if magic != _MAGIC or signature != _signature(key, fields):
        return None
    lane_length, length, checksum, sequence, time_ns = _FIELDS.unpack(fields)
    offset = start + HEADER_BYTES + lane_length
    lane = data[start + HEADER_BYTES : offset]
    if offset + length > len(data) or _checksum(lane, memoryview(data)[offset : offset + length]) != checksum:
        return None
    return Place(sequence, start, lane.decode(), offset, length, time_ns, state)


def _checksum(lane: bytes, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(lane))


def _signature(key: bytes, fields: bytes) -> bytes:
    return hashlib.blake2s(fields, digest_size=_SIGNATURE_BYTES, key=key).digest()
