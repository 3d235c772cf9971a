"""A process that its own code ends at once: no exit handler runs, so the calls are delivered before.

Children of `multiprocessing` and of Celery end by `os._exit`, a daemon's parent too. uvicorn raises the signal
that stopped it once more, with the default action. A program that restarts itself becomes another by `os.execv`.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any, Final

from otel_llm.instrument.process_end.delivery import Delivery
from otel_llm.instrument.stand_ins import StandIns

_FATAL: Final = frozenset(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL")
    if hasattr(signal, name)
)
"""Signals whose default action ends the process."""


class SuddenEnd:
    """Stand-ins for the functions with which code ends its own process."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._stand_ins = StandIns()

    def put_in(self) -> None:
        """Put the stand-ins in, unless they are in."""
        if self._stand_ins:
            return
        ends: tuple[tuple[Any, str, Callable[..., bool]], ...] = (
            (os, "_exit", _always),
            (os, "execv", _always),
            (os, "execve", _always),
            (os, "kill", _kills_itself),
            (signal, "raise_signal", _is_fatal),
        )
        for module, name, is_end in ends:
            self._stand_ins.put(module, name, functools.partial(self._delivering, is_end))

    def take_out(self) -> None:
        """Put the functions back."""
        self._stand_ins.take_out()

    def _delivering(self, is_end: Callable[..., bool], original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def delivering(*args: Any, **kwargs: Any) -> Any:
            try:
                if is_end(*args, **kwargs):
                    self._delivery.deliver()
            finally:  # also if the app's own signal handler raises while this thread waits
                # no result is returned here: an error of the app's own must pass
                result = original(*args, **kwargs)
            return result

        return delivering


def _always(*_: Any, **__: Any) -> bool:
    return True


def _is_fatal(number: Any, *_: Any) -> bool:
    """Return True if a signal to this process ends it. A handler in Python decides itself."""
    return number in _FATAL and signal.getsignal(number) is signal.SIG_DFL


def _kills_itself(process: Any, number: Any, *_: Any) -> bool:
    return bool(process == os.getpid()) and _is_fatal(number)
