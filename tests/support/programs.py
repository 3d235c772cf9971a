"""What a failed test tells of the programs that it stands on: command, exit status, last lines of their output.

A pytest plugin. It sees every program that `subprocess` starts, in a test, a fixture or the code under test.
"""

import os
import shlex
import subprocess
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

LINES = 30


class Told:
    """What is told of one program, whether it runs or has ended."""

    def __init__(self, process: "Program", args: Any, outputs: list[Any]) -> None:
        self._process = weakref.ref(process)  # a reference would hide that a test leaves its program running
        words = [args] if isinstance(args, str | bytes | os.PathLike) else args
        self._command = shlex.join(os.fsdecode(word) for word in words)
        names = [getattr(output, "name", None) for output in outputs]
        self._files = [Path(name) for name in names if isinstance(name, str)]
        self._at_failure = ""
        self.status: int | None = None
        """The exit status, once it was asked for."""
        self.read: list[str | bytes] = []
        """What was left in the program's pipes at its end."""

    @property
    def runs(self) -> bool:
        process = self._process()
        return process is not None and process.returncode is None

    def note_failure(self) -> None:
        """Keep whether the program runs while the test fails: later its fixture ends it."""
        status = process.poll() if (process := self._process()) else self.status
        self._at_failure = "ran" if status is None else f"had ended with status {status}"

    def lines(self) -> str:
        """Return the command, how it was at the failure, and the last lines of all that the program wrote."""
        texts = [text.decode(errors="replace") if isinstance(text, bytes) else text for text in self.read]
        logs = {log for file in self._files for log in file.parent.rglob("*.log")}  # those of its parts among them
        for file in dict.fromkeys([*self._files, *sorted(logs)]):
            if file.is_file():
                texts.append(f"{file}:\n{_end(file.read_text(errors='replace'))}")
        return "\n".join(
            [self._command, f"{self._at_failure or 'started'} when the test failed", *map(_end, texts)]
        )


class Program(subprocess.Popen):
    """`subprocess.Popen` that keeps what a failed test tells of it."""

    def __init__(self, args: Any, *rest: Any, **options: Any) -> None:
        self._told = Told(self, args, [options.get("stdout"), options.get("stderr")])
        super().__init__(args, *rest, **options)
        _told.append(self._told)

    def poll(self) -> int | None:
        self._told.status = super().poll()
        return self._told.status

    def wait(self, timeout: float | None = None) -> int:
        self._told.status = super().wait(timeout)
        return self._told.status

    def communicate(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        texts = super().communicate(*args, **options)
        self._told.read = [text for text in texts if text]
        return texts

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind:
            self._told.read += [_unread(pipe) for pipe in (self.stdout, self.stderr) if pipe and not pipe.closed]
        super().__exit__(kind, *rest)


_told: list[Told] = []
"""The programs that the present test stands on: those that it or a fixture started."""
_lasting: list[Told] = []
"""Those that a fixture of more than one test started."""
_failed = pytest.StashKey[bool]()


def pytest_configure() -> None:
    subprocess.Popen = Program


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[None]:
    before = len(_told)
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            _lasting.extend(_told[before:])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if report.failed:
        item.stash[_failed] = True
        for told in _told:
            told.note_failure()
    if call.when == "teardown" and item.stash.get(_failed, False):  # by now pipes have been read to their end
        report.sections += [("program, told at teardown", told.lines()) for told in _told]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Forget what the next test does not stand on: programs of this test or file that have ended."""
    done = yield
    if nextitem is None or nextitem.path != item.path:
        _lasting[:] = [told for told in _lasting if told.runs]
    _told[:] = [told for told in _told if told.runs or told in _lasting]
    return done


def _unread(pipe: IO[Any]) -> bytes:
    """Return what is in the pipe now, without waiting for more."""
    os.set_blocking(pipe.fileno(), False)
    try:
        return os.read(pipe.fileno(), 1 << 20)
    except BlockingIOError:
        return b""


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-LINES:])
