"""Signals that end the demo, as one exception: raised once, so that what is cleaned up then is left in peace."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

_ENDING: Final = [
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
]


class Interrupted(BaseException):
    """The user, the system or the closing of the terminal asked us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that this signal ended."""
        return 128 + self.number


class _Deferral:
    """Whether a signal has to wait at the moment, and the one that does."""

    active = False
    waiting: int | None = None


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` in the main thread on the first of the signals; ignore those that follow."""

    def interrupt(number: int, _: FrameType | None) -> None:
        ignore()
        if _Deferral.active:
            _Deferral.waiting = number
        else:
            raise Interrupted(number)

    # what the caller ignores stays ignored: nohup does so for SIGHUP
    taken = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in taken}
    try:
        yield
    finally:
        _Deferral.waiting = None
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let a signal wait until `raise_deferred`: a child that is being started would be lost to its owner."""
    _Deferral.active = True
    try:
        yield
    finally:
        _Deferral.active = False


def raise_deferred() -> None:
    """Raise `Interrupted` where a signal waits for it."""
    if _Deferral.waiting is not None:
        number, _Deferral.waiting = _Deferral.waiting, None
        raise Interrupted(number)


def ignore() -> None:
    """Ignore the signals from now on, until `interruptible` ends: nothing interrupts a clean-up."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
