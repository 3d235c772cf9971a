"""Signals that end the demo, as one exception: raised once, so that no signal interrupts the clean-up."""

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
    """A signal asks the demo to end: from the user, the system or the closing terminal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """The exit code that a shell reports for a process ended by this signal."""
        return 128 + self.number


class _Deferral:
    """State of `deferred`; used in the main thread alone, where Python runs signal handlers.

    inactive ──deferred──▶ active ──signal──▶ waiting ──raise_deferred──▶ interrupted
    """

    active = False
    waiting: int | None = None
    """The signal that waits."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` in the main thread on the first signal; ignore later signals."""

    def interrupt(number: int, _: FrameType | None) -> None:
        ignore()
        if _Deferral.active:
            _Deferral.waiting = number
        else:
            raise Interrupted(number)

    # signals that the caller ignores stay ignored: nohup ignores SIGHUP
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
    """Let a signal wait until `raise_deferred`: else a child that is being started would have no owner."""
    _Deferral.active = True
    try:
        yield
    finally:
        _Deferral.active = False


def raise_deferred() -> None:
    """Raise `Interrupted` if a signal waits."""
    if _Deferral.waiting is not None:
        number, _Deferral.waiting = _Deferral.waiting, None
        raise Interrupted(number)


def ignore() -> None:
    """Ignore the signals until `interruptible` ends: no signal must interrupt the clean-up."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
