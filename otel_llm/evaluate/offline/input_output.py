"""Where `otel-llm evaluate` reads from and writes to: files, stdin and stdout."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from otel_llm.errors import ConfigError


@contextmanager
def source(path: Path | None) -> Iterator[BufferedReader]:
    """Open the file to read, or stdin where it is None.

    Raises:
        ConfigError: it cannot be read.
    """
    if path is None:
        yield cast(BufferedReader, sys.stdin.buffer)
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"FILE: {path} cannot be read: {error.strerror}") from error
    with file:
        yield file


@contextmanager
def destination(path: Path | None, read: BufferedReader) -> Iterator[BinaryIO]:
    """Create the file to write, or give stdout where it is None.

    Raises:
        ConfigError: it cannot be written, or is the one that is read.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    if is_regular(read) and path.exists() and os.path.samestat(path.stat(), os.fstat(read.fileno())):
        raise ConfigError(f"--output: must be another file than the one that is read, got {path}")
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigError(f"--output: {path} cannot be written: {error.strerror}") from error
    with file:
        yield file


def is_regular(file: BufferedReader) -> bool:
    """Return whether the file can be read twice, from its beginning, which a pipe cannot."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.tell() == 0
    except OSError:  # what stands in for stdin has no descriptor
        return False
