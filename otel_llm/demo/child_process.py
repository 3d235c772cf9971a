"""Child processes that start, become ready and stop, and never outlive the process that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from otel_llm.demo import interrupt
from otel_llm.errors import ServerError

_POLL_S = 0.05


class ChildProcess:
    """One child process with its log file. Use as a context manager, or call `stop`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process; `environment` is added to that of this process.

        Raises:
            ServerError: the program does not exist or cannot be started.
        """
        self.name = name
        self.log_path = log_path
        parent = os.getpid()
        # deferred: an exception from a signal would leave a child without an owner
        with log_path.open("ab") as log, interrupt.deferred():
            try:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    # its own group: Ctrl-C in the terminal reaches only us, and `stop` reaches also its children
                    start_new_session=True,
                    preexec_fn=(lambda: _die_with(parent)) if sys.platform == "linux" else None,  # noqa: PLW1509
                )
            except OSError as error:
                raise ServerError(f"{name}: {command[0]} could not be started: {error}") from error

    @property
    def returncode(self) -> int | None:
        """The exit status; None while the process runs."""
        return self._child.poll()

    def wait_ready(self, url: str, timeout_s: float) -> None:
        """Return once `url` answers with a status below 400.

        Raises:
            ServerError: the process exited, or did not answer in time; the message ends with the last lines of the
                log.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_ready(url):
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.name} did not answer at {url} within {timeout_s:g} s:\n{self.log_tail()}"
                )
            time.sleep(_POLL_S)

    def is_ready(self, url: str) -> bool:
        """Return True if `url` answers with a status below 400 now.

        Raises:
            ServerError: the process exited; the message ends with the last lines of the log.
        """
        if self.returncode is not None:
            raise ServerError(f"{self.name} exited with status {self.returncode}:\n{self.log_tail()}")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own loopback URL
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def wait(self, timeout_s: float | None = None) -> int:
        """Return the exit status once the process has ended.

        Raises:
            subprocess.TimeoutExpired: the process still runs after `timeout_s`.
        """
        return self._child.wait(timeout_s)

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def terminate(self) -> None:
        """Ask the process and its children to end; `stop` waits for that."""
        if self.returncode is None:
            self._signal(signal.SIGTERM)

    def stop(self, timeout_s: float = 10) -> None:
        """End the process and its children: SIGTERM, then SIGKILL after `timeout_s`."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout_s)
        self._signal(signal.SIGKILL)
        self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _die_with(parent: int) -> None:
    # Without this a killed parent (SIGKILL runs no cleanup) would leave its servers behind. prctl(2), Linux only.
    import ctypes  # noqa: PLC0415 - only in the child

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:  # the parent was killed before prctl, so that no signal will come
        os._exit(1)
