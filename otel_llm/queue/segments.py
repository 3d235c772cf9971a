"""Segments: files of records. The format of a record on disk, how records are written, and read after a crash.

A record is a header, its lane and its payload. A record is whole if its checksums match. A half-written record at
the end was never acknowledged, since the acknowledgement follows the write. Damage before the end costs only the
damaged records: each header has the number of its record, so that the records after the damage are known again.

The sender chooses the payload, which may look like records. So each header is signed with the key of its segment,
which is part of the file's name: no part of a payload is taken for a record, and a search for the next header ends
soon.
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
"""Bytes of the lane, bytes of the payload, CRC-32 of both, sequence number, Unix time in nanoseconds."""
_SIGNATURE_BYTES: Final = 8
_HEADER: Final = struct.Struct(f"<4sBx{_FIELDS.size}s{_SIGNATURE_BYTES}s")
"""Magic, state, fields, signature of the fields. The signature leaves out the state, which changes in place."""
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
"""The state of a settled record; a lower state is the number of processes that had the record."""
_MAX_ATTEMPTS: Final = SETTLED - 2


class RecordPlace(NamedTuple):
    """The place of a record in its segment."""

    sequence: int
    start: int
    lane: str
    offset: int
    """Offset of the payload."""
    length: int
    """Bytes of the payload."""
    time_ns: int
    """Unix time in nanoseconds at which the record came."""
    state: int = 0

    @property
    def attempts(self) -> int:
        """Processes that had the record, and died before it was settled."""
        return min(self.state, _MAX_ATTEMPTS)

    @property
    def end(self) -> int:
        """Offset of the next record."""
        return self.offset + self.length

    @property
    def size(self) -> int:
        """Bytes of the whole record."""
        return self.end - self.start

    def mark(self, file: int, state: int) -> None:
        """Write the state of the record, which outlives a crash of the process."""
        os.pwrite(file, bytes([state]), self.start + _STATE_OFFSET)


@dataclass(slots=True)
class Segment:
    """A file of consecutive records. The writer appends; other threads read, under the queue's lock."""

    first: int
    """Sequence number of the first record."""
    path: Path
    file: int
    """The file descriptor."""
    key: bytes
    """The key that signs the headers."""
    size: int = 0
    """Bytes of the whole records, and of damaged records between them."""
    next: int = 0
    """Sequence number of the record after the last one."""
    sealed: bool = False
    """True if no more records are appended."""

    @classmethod
    def new(cls, folder: Path, first: int) -> Segment:
        """Create the segment of that folder whose first record has the number `first`."""
        key = secrets.token_bytes(_KEY_BYTES)
        path = folder / f"{first:020d}.{_VERSION}.{key.hex()}{_SUFFIX}"
        return cls(first, path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), key, next=first)

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Open an existing segment.

        Raises:
            QueueError: the name is that of another version of this format.
        """
        named = _NAME.fullmatch(path.stem)
        if not named:
            raise QueueError(
                f"{path} is not of version {_VERSION}, which this release reads: let the release that wrote it "
                "empty the queue, or move the file away"
            )
        return cls(int(named[1]), path, os.open(path, os.O_RDWR), bytes.fromhex(named[2]))

    def read(self, place: RecordPlace) -> bytes:
        """Return a record's payload.

        Raises:
            QueueError: the payload cannot be read from the disk.
        """
        try:
            payload = os.pread(self.file, place.length, place.offset)
        except OSError as error:
            raise QueueError(f"{self.path}: record {place.sequence} cannot be read: {error}") from error
        if len(payload) < place.length:
            raise QueueError(f"{self.path}: record {place.sequence} is cut off: was the file changed?")
        return payload

    def remove(self) -> None:
        """Delete the file; if the disk refuses, the settled records are found again after a restart."""
        os.close(self.file)
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            _log.error("%s cannot be removed: %s", self.path, error)


def open_segments(folder: Path) -> Iterator[Segment]:
    """Yield the folder's segments in order.

    Raises:
        QueueError: another version of this format wrote a segment.
    """
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        yield Segment.open(path)


def packed(key: bytes, place: RecordPlace, payload: bytes) -> tuple[bytes, bytes]:
    """Return the bytes of a record in a segment of that key: header and lane, and the payload."""
    lane = place.lane.encode()
    fields = _FIELDS.pack(len(lane), len(payload), _checksum(lane, payload), place.sequence, place.time_ns)
    return _HEADER.pack(_MAGIC, place.state, fields, _signature(key, fields)) + lane, payload


def write_all(file: int, parts: Sequence[bytes], offset: int) -> None:
    """Write the parts one after the other, without copying them.

    Raises:
        OSError: the disk refused a part.
    """
    for first in range(0, len(parts), _MAX_BUFFERS):
        some = parts[first : first + _MAX_BUFFERS]
        end = offset + sum(map(len, some))
        offset += os.pwritev(file, some, offset)
        if offset < end:  # the disk is probably full: the next write raises the reason
            rest = memoryview(b"".join(some))[offset - end :]
            while rest:
                count = os.pwrite(file, rest, offset)
                offset, rest = offset + count, rest[count:]


def scan(segment: Segment) -> Iterator[RecordPlace]:
    """Yield the places of the whole records of a segment; damaged records between them are skipped."""
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
    """Make the folder's list of files durable."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _read(key: bytes, data: bytes, start: int) -> RecordPlace | None:
    """Return the place of the record that begins at `start`; None if no whole record begins there."""
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
    return RecordPlace(sequence, start, lane.decode(), offset, length, time_ns, state)


def _checksum(lane: bytes, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(lane))


def _signature(key: bytes, fields: bytes) -> bytes:
    return hashlib.blake2s(fields, digest_size=_SIGNATURE_BYTES, key=key).digest()
