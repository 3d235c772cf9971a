"""Signals that end a command, but never while a result is half written."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal asked the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        """Exit code that a shell reports for a process that the signal ended."""


class Interrupts:
    """While open, a signal raises `Interrupted` in the main thread; in a `deferred` block, at the block's end."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._deferred = False

    def __enter__(self) -> Interrupts:
        # a signal that the parent process ignores stays ignored
        taken = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._handle) for number in taken}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Make the first signal wait for the end of the block; a second one raises at once."""
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
