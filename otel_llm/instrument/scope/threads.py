"""Threads inherit the values of `otel_llm.context` from the code that starts them.

A thread pool's work inherits the values from the code that submits it. This holds from the first use of a context
until `uninstrument()`. Nothing else of OpenTelemetry's context is inherited: the app decides on the parents of a
thread's spans.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from otel_llm.instrument.guard import guarded, report
from otel_llm.instrument.scope.baggage import with_baggage
from otel_llm.instrument.scope.inherited import CALL_CONTEXT, CallContext
from otel_llm.instrument.stand_ins import StandIns

_Function = Callable[..., Any]


_stand_ins: Final = StandIns()


@guarded("carrying contexts into threads")
def carry_into_threads() -> None:
    """Let threads, timers and thread pools inherit contexts from now on."""
    if _stand_ins:
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only for who sets a context

    _stand_ins.put(threading.Thread, "start", _wrap_start)
    _stand_ins.put(ThreadPoolExecutor, "submit", _wrap_submit)


@guarded("restoring threads")
def restore_threads() -> None:
    """Remove the patches of `carry_into_threads` that nothing else has replaced since."""
    _stand_ins.take_out()


def _wrap_start(original: _Function) -> _Function:
    @functools.wraps(original)
    def start(thread: threading.Thread, *args: Any, **kwargs: Any) -> Any:
        carried = _current()
        if carried is None:
            return original(thread, *args, **kwargs)
        run = thread.run

        def run_inside() -> None:
            vars(thread).pop("run", None)
            _call_inside(carried, run)

        # the attribute of the thread, not of its class: a subclass may have a run() of its own
        thread.run = run_inside  # type: ignore[method-assign]
        try:
            return original(thread, *args, **kwargs)
        except BaseException:
            vars(thread).pop("run", None)
            raise

    return start


def _wrap_submit(original: _Function) -> _Function:
    @functools.wraps(original)
    def submit(pool: Any, function: _Function, /, *args: Any, **kwargs: Any) -> Any:
        carried = _current()
        if carried is None:
            return original(pool, function, *args, **kwargs)
        # a thread that the pool starts for this work does other work later
        token = _attach({**otel_context.get_current(), CALL_CONTEXT: None})
        try:
            return original(pool, functools.partial(_call_inside, carried, function), *args, **kwargs)
        finally:
            _detach(token)

    return submit


def _call_inside(carried: CallContext, function: _Function, /, *args: Any, **kwargs: Any) -> Any:
    token = _enter(carried)
    try:
        return function(*args, **kwargs)
    finally:
        _detach(token)


@guarded("reading a context")
def _current() -> CallContext | None:
    carried: CallContext | None = otel_context.get_current().get(CALL_CONTEXT)  # type: ignore[assignment]
    return carried


@guarded("entering a context in a thread")
def _enter(carried: CallContext) -> Any:
    entered: dict[str, Any] = {**otel_context.get_current(), CALL_CONTEXT: carried}
    with_baggage(entered, carried.baggage)
    return _attach(entered)


@guarded("entering a context in a thread")
def _attach(context: dict[str, Any]) -> Any:
    return otel_context.attach(Context(context))


def _detach(token: Any) -> None:
    try:
        if token is not None:
            token.var.reset(token)
    except Exception as error:
        report("leaving a context in a thread", error)
