"""The lines of a file of dead letters: read them, or take out the ones that are done."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from pydantic import ValidationError

from otel_llm.dead_letters.file import locked
from otel_llm.dead_letters.letter import Letter
from otel_llm.errors import ConfigError


class LetterLine(NamedTuple):
    """A line of the file."""

    number: int
    letter: Letter | None
    problem: str = ""
    """Why the line is no letter; empty where it is one."""


def read(path: Path) -> Iterator[LetterLine]:
    """Yield the lines of a file, and leave the file as it is."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            yield _parsed(number, line)


def filtered(path: Path, is_done: Callable[[LetterLine], bool]) -> None:
    """Take the lines out of a file for which `is_done` returns True. Other processes may add lines meanwhile.

    The file is renamed first. At the end, or after an exception, the remaining lines are put back in front of the
    lines that have come since. After a crash, the next call puts the renamed file back and goes on.

    Raises:
        ConfigError: another process takes lines out of this file now.
    """
    working = path.with_name(f"{path.name}.replaying")
    with _taken_away(path, working) as lines, tempfile.TemporaryFile(dir=path.parent) as rest:
        try:
            for number, line in enumerate(lines, 1):
                done = False
                try:
                    done = is_done(_parsed(number, line))
                finally:
                    if not done:
                        rest.write(line if line.endswith(b"\n") else line + b"\n")
        finally:
            shutil.copyfileobj(lines, rest)
            rest.seek(0)
            with locked(path):
                _put_before(rest, path, working)
                working.unlink()


def _parsed(number: int, line: bytes) -> LetterLine:
    try:
        return LetterLine(number, Letter.model_validate_json(line))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        return LetterLine(number, None, f"is no dead letter: {key + ': ' if key else ''}{first['msg']}")


@contextlib.contextmanager
def _taken_away(path: Path, working: Path) -> Iterator[IO[bytes]]:
    with contextlib.ExitStack() as stack:
        with locked(path):
            if working.exists():  # left by a process that crashed, or in use by one that runs
                with _held(working) as left:
                    _put_before(left, path, working)
                working.unlink()
            path.rename(working)
            lines = stack.enter_context(_held(working))
        yield lines


@contextlib.contextmanager
def _held(working: Path) -> Iterator[IO[bytes]]:
    with working.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"{working}: another replay is at work on it: wait until it has ended") from error
        yield file


def _put_before(lines: IO[bytes], path: Path, taken_away: Path) -> None:
    """Put lines in front of the lines of the file, in one step. Owner and mode stay those of `taken_away`."""
    with contextlib.ExitStack() as stack:
        whole = stack.enter_context(tempfile.NamedTemporaryFile(dir=path.parent, delete=False))
        written = Path(whole.name)
        stack.callback(written.unlink, missing_ok=True)  # if the disk is full
        shutil.copyfileobj(lines, whole)
        if path.exists():
            with path.open("rb") as newer:
                shutil.copyfileobj(newer, whole)
        before = taken_away.stat()
        os.fchmod(whole.fileno(), stat.S_IMODE(before.st_mode))
        if os.geteuid() == 0:  # other users cannot give a file away
            os.fchown(whole.fileno(), before.st_uid, before.st_gid)
        whole.flush()
        os.fsync(whole.fileno())
        written.replace(path)
