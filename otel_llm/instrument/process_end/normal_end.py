"""A process that ends normally: our own work first, then the SDK's shutdown, both within the exit timeout.

Exit handlers run last in, first out. The SDK's shutdown is such a handler, and whatever comes to the SDK after it
is lost: so ours is registered last of all, when the interpreter begins to end.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from otel_llm.instrument.cost.prices import answer_at_once
from otel_llm.instrument.process_end.delivery import Delivery
from otel_llm.instrument.worker import BackgroundWorker

_EXIT_HANDLERS: Final = ("_atexit_handler", "_at_exit_handler")
"""Names, in opentelemetry-sdk 1.43 to 1.45, of what a provider registered with atexit; None after its shutdown."""


class NormalEnd:
    """The exit handlers."""

    def __init__(self, worker: BackgroundWorker, delivery: Delivery) -> None:
        self._worker = worker
        self._delivery = delivery
        self._spent_s = 0.0
        """Seconds of the exit timeout that are used up."""
        atexit.register(self._finish)
        # Called when the main thread has run its last line, before other threads are waited for, and before exit
        # handlers: concurrent.futures uses it too. Not public; without it our handler stays where it is.
        register = getattr(threading, "_register_atexit", None)
        if register is not None:
            register(self._begin)

    def shut_down_sdk(self, providers: Iterable[Any]) -> None:
        """Shut these providers down in place of their own exit handlers: side by side, and within the timeout.

        Each of the SDK's own handlers waits for its exporter, one after the other, for 10 s each by default.
        """
        ours = [provider for provider in providers if _is_up(provider)]
        if not ours:
            return
        for provider in ours:
            atexit.unregister(provider.shutdown)
        # the handlers that were registered before ours run after it: `_finish` moves to its place behind this one
        atexit.register(self._shut_down, ours)
        atexit.unregister(self._finish)
        atexit.register(self._finish)

    def _begin(self) -> None:
        self._delivery.helpers.prepare(3)  # as many as there are providers
        atexit.unregister(self._finish)
        atexit.register(self._finish)

    def _finish(self) -> None:
        self._run([functools.partial(self._delivery.finish_calls, self._left_s())])
        self._worker.exits()
        answer_at_once()

    def _shut_down(self, providers: Iterable[Any]) -> None:
        self._worker.work_off()  # streams that were dropped since
        self._run([provider.shutdown for provider in providers if _is_up(provider)])

    def _run(self, tasks: list[Any]) -> None:
        started = time.monotonic()
        self._delivery.helpers.run(tasks, self._left_s())
        self._spent_s += time.monotonic() - started
        _keep_interrupt()

    def _left_s(self) -> float:
        return max(0.0, self._delivery.timeout_s - self._spent_s)


def _keep_interrupt() -> None:
    """Let a program that Ctrl+C has interrupted end by SIGINT, as it does without us.

    CPython decides this by a flag, which each `exec` of a text sets anew; imports of ours run such texts.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - the text is ours, and the only way to set the flag


def _is_up(provider: Any) -> bool:
    """Return True if a provider of the SDK shuts itself down at exit, and has not been shut down."""
    return any(getattr(provider, name, None) is not None for name in _EXIT_HANDLERS)
