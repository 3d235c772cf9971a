"""Input and output of `otel-llm evaluate`: files, stdin and stdout."""

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
    """Open the file for reading, or stdin for None.

    Raises:
        ConfigError: the file cannot be read.
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
    """Create the file for writing, or give stdout for None.

    Raises:
        ConfigError: the file cannot be written, or is the input.
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
    """Return whether the stream is a regular file, which can be read twice; a pipe cannot."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.tell() == 0
    except OSError:  # a substitute for stdin may have no descriptor
        return False
