"""The reports of a failed test on its programs: command, exit status and last lines of the output of each.

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

LAST_LINES = 30


class ProgramReport:
    """The report on one program, made when the program starts.

    `note_failure` keeps whether the program runs while the test fails, for later the program's fixture ends it.
    `text` is asked for at the end of the teardown, when the pipes of the program have been read to their end.
    A report refers weakly to its process: a test that leaves its program running is still warned of.
    """

    def __init__(self, process: "Program", args: Any, outputs: list[Any]) -> None:
        self._process = weakref.ref(process)
        words = [args] if isinstance(args, str | bytes | os.PathLike) else args
        self._command = shlex.join(os.fsdecode(word) for word in words)
        names = [getattr(output, "name", None) for output in outputs]
        self._files = [Path(name) for name in names if isinstance(name, str)]
        self._at_failure = ""
        self.status: int | None = None
        """The exit status. None: the program runs, or nobody has asked yet."""
        self.pipes: list[str | bytes] = []
        """The last texts read from the program's pipes."""

    @property
    def runs(self) -> bool:
        process = self._process()
        return process is not None and process.returncode is None

    def note_failure(self) -> None:
        """Keep whether the program runs now."""
        status = process.poll() if (process := self._process()) else self.status
        self._at_failure = "ran" if status is None else f"had ended with status {status}"

    def text(self) -> str:
        """Return the command, the state at the failure, and the last lines of all that the program wrote."""
        lines = [self._command, f"{self._at_failure or 'started'} when the test failed"]
        for text in self.pipes:
            lines.append(_last_lines(text.decode(errors="replace") if isinstance(text, bytes) else text))
        logs = {log for file in self._files for log in file.parent.rglob("*.log")}  # those of its parts among them
        for file in dict.fromkeys([*self._files, *sorted(logs)]):
            if file.is_file():
                lines += [f"{file}:", _last_lines(file.read_text(errors="replace"))]
        return "\n".join(lines)


class Program(subprocess.Popen):
    """A `subprocess.Popen` with a report."""

    def __init__(self, args: Any, *rest: Any, **options: Any) -> None:
        self._report = ProgramReport(self, args, [options.get("stdout"), options.get("stderr")])
        super().__init__(args, *rest, **options)
        _reports.append(self._report)

    def poll(self) -> int | None:
        self._report.status = super().poll()
        return self._report.status

    def wait(self, timeout: float | None = None) -> int:
        self._report.status = super().wait(timeout)
        return self._report.status

    def communicate(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        texts = super().communicate(*args, **options)
        self._report.pipes = [text for text in texts if text]
        return texts

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind:
            self._report.pipes += [
                _unread(pipe) for pipe in (self.stdout, self.stderr) if pipe and not pipe.closed
            ]
        super().__exit__(kind, *rest)


_reports: list[ProgramReport] = []
"""Reports on the programs that the present test or its fixtures started."""
_lasting: list[ProgramReport] = []
"""The reports among them on programs that a fixture of several tests started."""
_failed = pytest.StashKey[bool]()


def pytest_configure() -> None:
    subprocess.Popen = Program


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[None]:
    before = len(_reports)
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            _lasting.extend(_reports[before:])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if report.failed:
        item.stash[_failed] = True
        for each in _reports:
            each.note_failure()
    if call.when == "teardown" and item.stash.get(_failed, False):  # by now pipes have been read to their end
        report.sections += [("program, told at teardown", each.text()) for each in _reports]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Forget the programs of this test, and at the end of a file those of the file, that have ended."""
    done = yield
    if nextitem is None or nextitem.path != item.path:
        _lasting[:] = [each for each in _lasting if each.runs]
    _reports[:] = [each for each in _reports if each.runs or each in _lasting]
    return done


def _unread(pipe: IO[Any]) -> bytes:
    """Return what is in the pipe now, without waiting for more."""
    os.set_blocking(pipe.fileno(), False)
    try:
        return os.read(pipe.fileno(), 1 << 20)
    except BlockingIOError:
        return b""


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-LAST_LINES:])
