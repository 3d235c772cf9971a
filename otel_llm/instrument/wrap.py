"""What a patched method does: opens the call, lets the client work, ends the call or watches its stream."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from otel_llm.instrument.call import Call, Outcome, may_open
from otel_llm.instrument.fields import Client, Raw, Response, Streamed
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.stream import watch, watch_raw
from otel_llm.instrument.telemetry import Telemetry


def wrap(original: Callable[..., Any], client: Client, telemetry: Telemetry) -> Callable[..., Any]:
    """Return the method that stands in for a client's synchronous one."""

    @functools.wraps(original)
    def call_client(*args: Any, **kwargs: Any) -> Any:
        call = _open(telemetry, client, args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        call.enter()
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            call.leave()
            call.fail(error)
            raise
        _settle(call, client, result)
        return result

    return call_client


def wrap_async(original: Callable[..., Any], client: Client, telemetry: Telemetry) -> Callable[..., Any]:
    """Return the method that stands in for a client's coroutine method."""

    @functools.wraps(original)
    async def call_client(*args: Any, **kwargs: Any) -> Any:
        call = _open(telemetry, client, args, kwargs)
        if call is None:
            return await original(*args, **kwargs)
        call.enter()
        try:
            result = await original(*args, **kwargs)
        except BaseException as error:
            call.leave()
            call.fail(error)
            raise
        _settle(call, client, result)
        return result

    return call_client


@guarded("opening a call")
def _open(telemetry: Telemetry, client: Client, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    if not telemetry.enabled or not may_open():
        return None
    request = client.read_request(args, kwargs, telemetry.settings.providers)
    return None if request is None else Call(telemetry, request)


def _settle(call: Call, client: Client, result: Any) -> None:
    call.leave()
    if not _end_or_watch(call, client, result):
        call.end(Outcome())


@guarded("reading a result")
def _end_or_watch(call: Call, client: Client, result: Any) -> bool:
    read = client.read_result(result, content=call.captures_content)
    if isinstance(read, Streamed):
        watch(call, read.stream, read.chunks)
    elif isinstance(read, Raw):
        watch_raw(call, read.http_response)
    else:
        call.end(Outcome(response=read or Response()))
    return True
