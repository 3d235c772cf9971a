"""What a patched method does: opens the call, lets the client work, ends the call or watches its stream."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from otel_llm.instrument.contract.results import Raw, Streamed, Unread
from otel_llm.instrument.guard import guarded, report
from otel_llm.instrument.lifecycle.body import watch_body
from otel_llm.instrument.lifecycle.call import CallEnd, LiveCall, open_call
from otel_llm.instrument.lifecycle.reading import watch
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedClient
from otel_llm.instrument.scope.baggage import baggage_withheld

Method: TypeAlias = Callable[..., Any]
"""A method or function of a client, or what stands in for one."""


def wrap(original: Method, client: InstrumentedClient, telemetry: CallTelemetry) -> Method:
    """Return the method that stands in for a client's synchronous one."""

    @functools.wraps(original)
    def call_client(*args: Any, **kwargs: Any) -> Any:
        call = _open(telemetry, client, args, kwargs)
        if call is None:
            with baggage_withheld():
                return original(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            _fail(call, error)
            raise
        _settle(call, client, result)
        return result

    return call_client


def wrap_async(
    original: Callable[..., Any], client: InstrumentedClient, telemetry: CallTelemetry
) -> Callable[..., Any]:
    """Return the method that stands in for a client's coroutine method."""

    @functools.wraps(original)
    async def call_client(*args: Any, **kwargs: Any) -> Any:
        call = _open(telemetry, client, args, kwargs)
        if call is None:
            with baggage_withheld():
                return await original(*args, **kwargs)
        try:
            result = await original(*args, **kwargs)
        except GeneratorExit:
            _drop(call)
            raise
        except BaseException as error:
            _fail(call, error)
            raise
        _settle(call, client, result)
        return result

    return call_client


def wrap_retry(original: Method, _: InstrumentedClient, __: CallTelemetry) -> Method:
    """Return the method that stands in for the one that a client calls before it sends a request again."""

    @functools.wraps(original)
    def wait(*args: Any, **kwargs: Any) -> Any:
        _count_attempt()
        return original(*args, **kwargs)

    return wait


def wrap_retry_async(original: Method, _: InstrumentedClient, __: CallTelemetry) -> Method:
    """Return the coroutine method that stands in for the one that a client awaits before it sends again."""

    @functools.wraps(original)
    async def wait(*args: Any, **kwargs: Any) -> Any:
        _count_attempt()
        return await original(*args, **kwargs)

    return wait


@guarded("counting an attempt")
def _count_attempt() -> None:
    if (call := open_call()) is not None:
        call.attempts += 1


def _open(
    telemetry: CallTelemetry, client: InstrumentedClient, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> LiveCall | None:
    """Return the call that begins here, its context entered; None where nothing is recorded."""
    try:
        if not telemetry.enabled:
            return None
        request = client.read_request(args, kwargs, telemetry.servers)
        if request is None or open_call() is not None:
            return None
        call = LiveCall(telemetry, request)
    except Exception as error:
        report("opening a call", error)
        return None
    try:
        call.enter()
    except Exception as error:
        report("entering a call's context", error)
    return call


def _leave(call: LiveCall) -> None:
    try:
        call.leave()
    except Exception as error:
        report("leaving a call's context", error)


def _fail(call: LiveCall, error: BaseException) -> None:
    _leave(call)
    try:
        call.fail(error)
    except Exception as failure:
        report("ending a failed call", failure)


def _drop(call: LiveCall) -> None:
    """End the call of a coroutine that nobody awaits any more: perhaps the garbage collector calls."""
    _leave(call)
    try:
        call.telemetry.worker.submit_dropped(call.end, CallEnd(ended=time.perf_counter()))
    except Exception as failure:
        report("ending a dropped call", failure)


def _settle(call: LiveCall, client: InstrumentedClient, result: Any) -> None:
    _leave(call)
    try:
        read = client.read_result(result)
        if type(read) is Streamed:
            watch(call, read.stream)
        elif type(read) is Raw:
            watch_body(call, read)
        elif type(read) is Unread:
            _end_unread(call)
        else:
            call.settle(read)
    except Exception as error:
        report("reading a result", error)
        _end_unread(call)


@guarded("ending a call")
def _end_unread(call: LiveCall) -> None:
    received = call.request.received
    call.end(CallEnd() if received is None else CallEnd(response=call.request.endpoint.read_response(received)))
