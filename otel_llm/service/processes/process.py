"""One of several processes, as the one that starts it sees it."""

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
    """How long a process that died waits before it is started again."""

    first_s: float = 1
    """After its first death; twice as long after each further one."""
    most_s: float = 30
    """At most."""
    reset_after_s: float = 60
    """A process that lived for so long is as one that never died."""

    def next_s(self, last_s: float, lived_s: float) -> float:
        """Return how long to wait after a life; `last_s` is how long it was before that life, 0 at first."""
        if last_s == 0 or lived_s >= self.reset_after_s:
            return self.first_s
        return min(2 * last_s, self.most_s)


class Process:
    """A child that is started again when it dies, until it is stopped."""

    def __init__(self, index: int, command: Sequence[str], backoff: Backoff) -> None:
        """Start nothing yet; `command` is run with OTEL_LLM_PROCESS set to `index`."""
        self.index = index
        self.state: State = "starting"
        """Where it is in its life; `waiting` to be started again."""
        self.ready = asyncio.Event()
        """Set while it serves."""
        self.telemetry: str | None = None
        """Base URL of its metrics and health, while it serves."""
        self.pid: int | None = None
        """While it lives."""
        self.restarts = 0
        """How often it was started again."""
        self.last_exit: str | None = None
        """How it ended the last time, in words."""
        self._command = command
        self._backoff = backoff
        self._stopping = asyncio.Event()
        self._reload_due = False

    async def keep(self) -> int:
        """Run it, again and again; return its exit code once it has ended for good, as subprocess gives it.

        That is when it was stopped, or when it ended in its first life before it was ready: then it cannot start.
        """
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
        """Ask it to drain and end, and start it no more."""
        self._stopping.set()
        self.ready.clear()
        if self.pid is not None:
            self.state = "stopping"
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def reload(self) -> None:
        """Let it read its settings again; one that is starting does so once it is ready."""
        if self.state == "ready":
            self._signal(signal.SIGHUP)
        else:  # it has no handler yet, and the signal would end it
            self._reload_due = True

    async def _live(self) -> tuple[int, bool]:
        """Return the exit code of one life, and whether it was ready in it."""
        self.state, self._reload_due = "starting", False
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,  # never written to: its end is how the child learns of ours
                stdout=PIPE,
                env={**os.environ, PROCESS_VARIABLE: str(self.index)},
                process_group=0,  # Ctrl-C is for us, and reaches it as one SIGTERM
            )
        except OSError as error:
            _log.error("process %d cannot be started: %s", self.index, error, extra={"process_index": self.index})
            self.last_exit = str(error)
            return _CANNOT_RUN, False
        self.pid = child.pid
        if self._stopping.is_set():  # while it was being made
            self.stop()
        stdout = cast(asyncio.StreamReader, child.stdout)  # it is a pipe
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
        """Return whether it is still to be started after the wait."""
        self.state = "waiting"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
                self.state = "ended"
                return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        # not by the child's own method: it may reap it before the event loop does, who then knows no exit code
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
    with contextlib.suppress(BrokenPipeError):  # whoever read it is gone, and the service goes on
        sys.stdout.write(output.decode(errors="replace"))
        sys.stdout.flush()
