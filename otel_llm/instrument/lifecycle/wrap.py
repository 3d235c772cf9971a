"""Stand-ins for methods: each opens the call, lets the client work, then ends the call or watches its stream."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.call import open_call
from otel_llm.instrument.lifecycle.steps import begin, drop, fail, settle
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedClient
from otel_llm.instrument.scope.baggage import baggage_withheld

Method: TypeAlias = Callable[..., Any]
"""A method or function of a client, or its stand-in."""


def wrap(original: Method, client: InstrumentedClient, telemetry: CallTelemetry) -> Method:
    """Return the stand-in for a synchronous method."""

    @functools.wraps(original)
    def call_client(*args: Any, **kwargs: Any) -> Any:
        call = begin(telemetry, client, args, kwargs)
        if call is None:
            with baggage_withheld():
                return original(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            fail(call, error)
            raise
        return settle(call, client, result)

    return call_client


def wrap_async(original: Method, client: InstrumentedClient, telemetry: CallTelemetry) -> Method:
    """Return the stand-in for a coroutine method."""

    @functools.wraps(original)
    async def call_client(*args: Any, **kwargs: Any) -> Any:
        call = begin(telemetry, client, args, kwargs)
        if call is None:
            with baggage_withheld():
                return await original(*args, **kwargs)
        try:
            result = await original(*args, **kwargs)
        except GeneratorExit:
            drop(call)
            raise
        except BaseException as error:
            fail(call, error)
            raise
        return settle(call, client, result)

    return call_client


def wrap_retry(original: Method, _: InstrumentedClient, __: CallTelemetry) -> Method:
    """Return the stand-in for the method that a client calls before it repeats a request."""

    @functools.wraps(original)
    def wait(*args: Any, **kwargs: Any) -> Any:
        count_attempt()
        return original(*args, **kwargs)

    return wait


def wrap_retry_async(original: Method, _: InstrumentedClient, __: CallTelemetry) -> Method:
    """Return the stand-in for the coroutine method that a client awaits before it repeats a request."""

    @functools.wraps(original)
    async def wait(*args: Any, **kwargs: Any) -> Any:
        count_attempt()
        return await original(*args, **kwargs)

    return wait


@guarded("counting an attempt")
def count_attempt() -> None:
    """Count one more attempt of the open call's request. Any hook of a client may call this function."""
    if (call := open_call()) is not None:
        call.attempts += 1
