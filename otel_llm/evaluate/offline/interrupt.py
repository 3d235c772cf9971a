"""Signals that end a command, at a point where no result is half written."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The user or the system asked us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        """What a shell reports of a process that this signal ended."""


class Interrupts:
    """While it is open, the first of the signals raises `Interrupted` in the main thread, or later: `deferred`."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._deferred = False

    def __enter__(self) -> Interrupts:
        # what the caller ignores stays ignored
        taken = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._handle) for number in taken}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the first signal wait until the end of the block; the second is raised at once."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self._number is not None:
            raise Interrupted(self._number)

    def _handle(self, number: int, _: FrameType | None) -> None:
        again = self._number is not None
        self._number = number
        if again or not self._deferred:
            raise Interrupted(number)
