"""Records in files: how one lies on disk, and how they are read back after a crash.

A segment is a file of records, each a header and its payload. What a crash left half written ends the segment: the
checksum says so. Nothing of it was acknowledged, since that comes after the write.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct("<4sIIQ")
"""Magic, payload length, CRC-32 of time and payload, wall-clock nanoseconds."""
_MAGIC: Final = b"OLQ1"
_TIME: Final = struct.Struct("<Q")
_SUFFIX: Final = ".segment"
HEADER_BYTES: Final = _HEADER.size


class Place(NamedTuple):
    """Where a record's payload lies in its segment."""

    offset: int
    length: int
    time_ns: int
    """Wall-clock time at which it came."""


@dataclass(slots=True)
class Segment:
    """A file of consecutive records."""

    first: int
    """Sequence number of its first record."""
    path: Path
    size: int = 0
    """Bytes of whole records in it."""

    @classmethod
    def at(cls, folder: Path, first: int) -> Segment:
        """Return the segment of that folder whose first record has the number."""
        return cls(first, folder / f"{first:020d}{_SUFFIX}")


def segments(folder: Path) -> list[Segment]:
    """Return the folder's segments in order."""
    return [Segment(int(path.stem), path) for path in sorted(folder.glob(f"*{_SUFFIX}"))]


def packed(payload: bytes, time_ns: int) -> list[bytes]:
    """Return what is written for a record."""
    checksum = zlib.crc32(payload, zlib.crc32(_TIME.pack(time_ns)))
    return [_HEADER.pack(_MAGIC, len(payload), checksum, time_ns), payload]


def scan(path: Path) -> Iterator[Place]:
    """Yield the whole records of a segment up to its end, or to the first that is not whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while offset + HEADER_BYTES <= size:
            magic, length, checksum, time_ns = _HEADER.unpack(file.read(HEADER_BYTES))
            if magic != _MAGIC or offset + HEADER_BYTES + length > size:
                return
            payload = file.read(length)
            if zlib.crc32(payload, zlib.crc32(_TIME.pack(time_ns))) != checksum:
                return
            offset += HEADER_BYTES
            yield Place(offset, length, time_ns)
            offset += length


def sync_folder(folder: Path) -> None:
    """Make it durable which files the folder has."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
