"""A file of dead letters, one a line: lines are added, and the older half of the file makes room.

A process that adds lines, or takes the file away, holds the lock of `<file>.lock` beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_log: Final = logging.getLogger(__name__)


class LetterFile:
    """The file and `<file>.1`, the one before it; together they have `max_bytes`.

    A line that does not fit into the file makes it the file before, and the file before goes. The caller's own
    threads call one at a time; the lock beside the file keeps other processes away.
    """

    def __init__(self, path: Path, *, max_bytes: int, fsync: bool) -> None:
        """Make the file and its folder where they are missing.

        Args:
            path: the file.
            max_bytes: bound of both files together.
            fsync: True if a line must outlive a power failure.

        Raises:
            OSError: the file cannot be written.
        """
        self.path = path
        self.max_write_bytes = max_bytes // 2
        """Bytes that one `write` may have."""
        self.displaced = 0
        """Number of lines that made room since the start."""
        self._fsync = fsync
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            append(path, b"", fsync=False)

    def write(self, lines: bytes) -> None:
        """Add lines: all of them, or none.

        Raises:
            OSError: the disk refused them, or they are too large.
        """
        with locked(self.path):
            if len(lines) > self.max_write_bytes:
                raise OSError(
                    f"it has {len(lines)} bytes, and dead_letters.max_bytes leaves {self.max_write_bytes}"
                )
            if self.path.exists() and self.path.stat().st_size + len(lines) > self.max_write_bytes:
                self._rotate()
            append(self.path, lines, fsync=self._fsync)

    def _rotate(self) -> None:
        older = self.path.with_name(f"{self.path.name}.1")
        if older.exists():
            with older.open("rb") as file:
                displaced = sum(1 for _ in file)
            self.displaced += displaced
            _log.warning("%s: %d dead letters make room for new ones", older, displaced)
        self.path.replace(older)


def append(path: Path, lines: bytes, *, fsync: bool) -> None:
    """Add lines at the end of a file: all of them, or none.

    Raises:
        OSError: the disk refused it.
    """
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        if lines and size and os.pread(file, 1, size - 1) != b"\n":  # a power failure cut the last line off
            lines = b"\n" + lines
        if os.write(file, lines) < len(lines):
            os.ftruncate(file, size)
            raise OSError("the disk is full")
        if fsync:
            os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file of dead letters, against other threads and processes."""
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
