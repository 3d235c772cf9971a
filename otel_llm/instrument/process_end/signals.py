"""A process that is ended by a signal: with the default action no Python runs, so a handler delivers first.

The handler stands for the default action, and is never seen: where the app sets the default, ours is set, and
where the app asks, the answer is the default. A handler of the app's own is left alone. After the delivery the
process ends by the same signal, so that its parent sees the same exit status.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from otel_llm.instrument.guard import guarded
from otel_llm.instrument.process_end.delivery import Delivery
from otel_llm.instrument.stand_ins import StandIns

_NUMBERS: Final = frozenset(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
# not the stand-ins, of this module and of `sudden_end`
_set_handler: Final = signal.signal
_get_handler: Final = signal.getsignal
_kill: Final = os.kill


class EndingSignals:
    """The handler of signals that end the process, in place of their default action."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._is_ending = False
        # one object for all: `signal` keeps what it is given, and a bound method is another object each time
        self._handler: Final = self._deliver_and_end
        self._stand_ins = StandIns()

    def handle(self) -> None:
        """Handle the signals whose action is the default, now and later."""
        for number in _NUMBERS:
            if _get_handler(number) is signal.SIG_DFL:
                _set(number, self._handler)
        if not self._stand_ins:
            self._stand_ins.put(signal, "signal", self._for_signal)
            self._stand_ins.put(signal, "getsignal", self._for_getsignal)

    def leave(self) -> None:
        """Give the signals back."""
        self._stand_ins.take_out()
        for number in _NUMBERS:
            if _get_handler(number) is self._handler:
                _set(number, signal.SIG_DFL)

    def _for_signal(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def signal_stand_in(signalnum: Any, handler: Any) -> Any:
            before = original(signalnum, handler)
            # not `==` alone: a handler of the app's own may compare in its own way
            if isinstance(handler, int) and handler == signal.SIG_DFL and signalnum in _NUMBERS:
                original(signalnum, self._handler)
            return self._seen(before)

        return signal_stand_in

    def _for_getsignal(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def getsignal_stand_in(signalnum: Any) -> Any:
            return self._seen(original(signalnum))

        return getsignal_stand_in

    def _seen(self, handler: Any) -> Any:
        return signal.SIG_DFL if handler is self._handler else handler

    def _deliver_and_end(self, number: int, _: FrameType | None) -> None:
        if _has_greenlets_for_threads():
            # Any greenlet may have been interrupted, gevent's loop too: what waits here may never go on. A thread
            # of the system delivers; meanwhile the program runs, and a second signal ends it.
            _set_handler(number, signal.SIG_DFL)
            start = sys.modules["gevent.monkey"].get_original("_thread", "start_new_thread")
            start(self._deliver_and_kill, (number,))
            return
        if not self._is_ending:  # a second signal ends the process at once
            self._is_ending = True
            self._delivery.deliver()
        _set_handler(number, signal.SIG_DFL)
        _kill(os.getpid(), number)
        # still here: the kernel keeps the default action from the first process of a container
        self._is_ending = False
        _set_handler(number, self._handler)

    def _deliver_and_kill(self, number: int) -> None:
        self._delivery.deliver()
        _kill(os.getpid(), number)


@guarded("looking for gevent")
def _has_greenlets_for_threads() -> bool:
    monkey: Any = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _set(number: int, handler: Any) -> None:
    """Set a handler, which only the main thread may do, and no subinterpreter."""
    if threading.current_thread() is threading.main_thread():
        try:
            _set_handler(number, handler)
        except ValueError:  # in a subinterpreter, whose main thread is not the process's
            return
