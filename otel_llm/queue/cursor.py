"""The position up to which a durable queue is settled, in a file that survives a torn write."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from pathlib import Path
from typing import Final

_SLOT: Final = struct.Struct("<QI")
"""A sequence number, and its CRC-32."""
_SLOTS: Final = 2

_log: Final = logging.getLogger(__name__)


class Cursor:
    """The lowest sequence number that is not settled.

    The number is written to two slots in turn: a power failure that tears one slot leaves the other, so that only
    the records settled last come again. There is no fsync: each would wait for the disk. Used under the queue's
    lock.
    """

    def __init__(self, path: Path) -> None:
        """Read the file, or create one that starts at 0."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            data = os.pread(self._file, _SLOT.size * _SLOTS, 0)
            if len(data) < _SLOT.size * _SLOTS:
                # occupy the space now: later, a full disk would refuse the write
                data = data.ljust(_SLOT.size * _SLOTS, b"\0")
                os.pwrite(self._file, data, 0)
        except OSError:
            os.close(self._file)
            raise
        self.sequence = max(_read(data[at : at + _SLOT.size]) for at in range(0, len(data), _SLOT.size))
        self._writes = 0

    def move(self, sequence: int) -> None:
        """Write the number, unless the cursor has this number already."""
        if sequence == self.sequence:
            return
        self.sequence = sequence
        self._writes += 1
        try:
            os.pwrite(self._file, _packed(sequence), self._writes % _SLOTS * _SLOT.size)
        except OSError as error:
            _log.error("%s: %s: what was settled comes again after a restart", self._path, error)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _packed(sequence: int) -> bytes:
    return _SLOT.pack(sequence, zlib.crc32(struct.pack("<Q", sequence)))


def _read(slot: bytes) -> int:
    sequence: int = _SLOT.unpack(slot)[0]
    return sequence if slot == _packed(sequence) else 0
