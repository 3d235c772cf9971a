"""A child process of the service: started, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from otel_llm.service.processes.parent import PROCESS_VARIABLE

State = Literal["starting", "ready", "waiting", "stopping", "ended"]

_READY: Final = re.compile(r"ready: .*, metrics (?P<telemetry>http://\S+)/metrics\s*")
_COPY_BYTES: Final = 1 << 16
_CANNOT_RUN: Final = 126
"""The exit code that a shell gives for a command that it cannot run."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """The wait before a process that died is started again."""

    first_s: float = 1
    """Seconds after the first death; twice as many after each further one."""
    most_s: float = 30
    """Seconds at most."""
    reset_after_s: float = 60
    """Seconds of a life after which earlier deaths are forgotten."""

    def next_s(self, last_s: float, lived_s: float) -> float:
        """Return the seconds to wait after a life; `last_s` is the wait before that life, 0 before the first."""
        if last_s == 0 or lived_s >= self.reset_after_s:
            return self.first_s
        return min(2 * last_s, self.most_s)


class ChildProcess:
    """A child that is started again when it dies, until it is stopped. Used in the event loop.

        starting --its ready line--> ready --dies--> waiting --the wait is over--> starting
        starting --dies in its first life--> ended
        starting --dies in a later life--> waiting
        starting, ready --stop: SIGTERM--> stopping --exits--> ended
        waiting --stop--> ended

    A child that dies in its first life before it was ready cannot start; `keep` returns then. SIGHUP reaches a
    child only once it is ready: before, it has no handler, and the signal would end it.
    """

    def __init__(self, index: int, command: Sequence[str], backoff: Backoff) -> None:
        """Start nothing yet; `command` is run with OTEL_LLM_PROCESS set to `index`."""
        self.index = index
        self.state: State = "starting"
        """State, as drawn above."""
        self.ready = asyncio.Event()
        """Set while the child serves."""
        self.telemetry: str | None = None
        """Base URL of the child's metrics and health, while it serves."""
        self.pid: int | None = None
        """Process id while the child lives."""
        self.restarts = 0
        """Number of times that the child was started again."""
        self.last_exit: str | None = None
        """The last exit, in words; None before the first one."""
        self._command = command
        self._backoff = backoff
        self._stopping = asyncio.Event()
        self._reload_due = False

    async def keep(self) -> int:
        """Run the child until it has ended for good; return its last exit code, as subprocess gives it."""
        loop, wait_s = asyncio.get_running_loop(), 0.0
        while True:
            began_s = loop.time()
            code, was_ready = await self._live()
            if self._stopping.is_set() or not (was_ready or self.restarts):
                self.state = "ended"
                return code if was_ready or not self._stopping.is_set() else 0
            wait_s = self._backoff.next_s(wait_s, loop.time() - began_s)
            self._log_death(code, wait_s)
            if not await self._waited(wait_s):
                return 0
            self.restarts += 1

    def stop(self) -> None:
        """Ask the child to drain and end, and start it no more."""
        self._stopping.set()
        self.ready.clear()
        if self.pid is not None:
            self.state = "stopping"
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the child at once."""
        self._signal(signal.SIGKILL)

    def reload(self) -> None:
        """Let the child read its settings again, now or once it is ready."""
        if self.state == "ready":
            self._signal(signal.SIGHUP)
        else:
            self._reload_due = True

    async def _live(self) -> tuple[int, bool]:
        """Return the exit code of one life, and True if the child was ready in it."""
        self.state, self._reload_due = "starting", False
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,  # never written to: its end tells the child that this process is gone
                stdout=PIPE,
                env={**os.environ, PROCESS_VARIABLE: str(self.index)},
                process_group=0,  # Ctrl-C is for this process, and reaches the child as one SIGTERM
            )
        except OSError as error:
            _log.error("process %d cannot be started: %s", self.index, error, extra={"process_index": self.index})
            self.last_exit = str(error)
            return _CANNOT_RUN, False
        self.pid = child.pid
        if self._stopping.is_set():  # `stop` was called while the child was being made
            self.stop()
        stdout = cast(asyncio.StreamReader, child.stdout)  # a pipe, as asked for
        was_ready = await self._until_ready(stdout)
        while chunk := await stdout.read(_COPY_BYTES):
            _print(chunk)
        code = await child.wait()
        self.ready.clear()
        self.pid = self.telemetry = None
        self.last_exit = f"exit code {code}" if code >= 0 else f"signal {_signal_name(-code)}"
        return code, was_ready

    async def _until_ready(self, stdout: asyncio.StreamReader) -> bool:
        while line := await stdout.readline():
            if found := _READY.fullmatch(line.decode(errors="replace")):
                self.telemetry = found["telemetry"]
                if not self._stopping.is_set():
                    self.state = "ready"
                    self.ready.set()
                    if self._reload_due:
                        self._signal(signal.SIGHUP)
                return True
            _print(line)
        return False

    async def _waited(self, wait_s: float) -> bool:
        """Return True if the child is still to be started after the wait."""
        self.state = "waiting"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
                self.state = "ended"
                return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        # not asyncio's method: it may reap the child before the event loop does, which then knows no exit code
        with contextlib.suppress(ProcessLookupError):
            if self.pid is not None:
                os.kill(self.pid, number)

    def _log_death(self, code: int, wait_s: float) -> None:
        _log.warning(
            "process %d ended with %s: it is started again in %g s",
            self.index,
            self.last_exit,
            wait_s,
            extra={
                "process_index": self.index,
                "exit_code": code if code >= 0 else None,
                "signal": _signal_name(-code) if code < 0 else None,
                "restarts": self.restarts,
                "restart_in_s": wait_s,
            },
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return str(number)


def _print(output: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # the reader is gone; the service goes on
        sys.stdout.write(output.decode(errors="replace"))
        sys.stdout.flush()
