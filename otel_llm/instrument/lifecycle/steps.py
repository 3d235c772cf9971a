"""The steps of a call around the client's own work. Each keeps its failures from the app."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from otel_llm.config.instrument_values import ClientSpans, SurroundingSpans
from otel_llm.instrument.contract.data import Request, Response
from otel_llm.instrument.contract.results import Raw, Streamed, Unread
from otel_llm.instrument.guard import guarded, report
from otel_llm.instrument.lifecycle.body import watch_body
from otel_llm.instrument.lifecycle.call import CallEnd, LiveCall, open_call
from otel_llm.instrument.lifecycle.surrounding_spans import SurroundedCall, surrounding_span
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedClient
from otel_llm.instrument.lifecycle.watch import watch


def begin(
    telemetry: CallTelemetry, client: InstrumentedClient, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> LiveCall | None:
    """Return the call that begins here, with its context entered; None if nothing is recorded."""
    try:
        if not telemetry.enabled:
            return None
        request = client.read_request(args, kwargs, telemetry.servers)
        if request is None or open_call() is not None:
            return None
        call = _opened(telemetry, client, request)
        if client.own_scopes and not call.keeps_client_span:
            _silence(client, args, kwargs)
        enter(call)
    except Exception as error:
        report("opening a call", error)
        return None
    return call


def _opened(telemetry: CallTelemetry, client: InstrumentedClient, request: Request) -> LiveCall:
    if telemetry.settings.surrounding_spans is SurroundingSpans.COMPLETE:
        surrounding = surrounding_span(request)
        if surrounding is not None:
            return SurroundedCall(telemetry, request, surrounding)
    if client.own_scopes and telemetry.settings.client_spans is ClientSpans.COMPLETE:
        from otel_llm.instrument.lifecycle.own_spans import CompletedCall  # noqa: PLC0415 - only where it is asked for

        return CompletedCall(telemetry, request, client.own_scopes)
    return LiveCall(telemetry, request)


def _silence(client: InstrumentedClient, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Keep the client from opening a span. If this fails, the call has two spans, and ours still ends."""
    try:
        client.silence(args, kwargs)
    except Exception as error:
        report("silencing a client", error)


def enter(call: LiveCall) -> None:
    """Make the call's span the current span, while the client works."""
    try:
        call.enter()
    except Exception as error:
        report("entering a call's context", error)


def leave(call: LiveCall) -> None:
    """Put back the context in which the app called."""
    try:
        call.leave()
    except Exception as error:
        report("leaving a call's context", error)


def fail(call: LiveCall, error: BaseException) -> None:
    """End the call that raised."""
    leave(call)
    try:
        call.fail(error)
    except Exception as failure:
        report("ending a failed call", failure)


def drop(call: LiveCall) -> None:
    """End the call of a coroutine that nobody awaits any more. The garbage collector may be the caller."""
    leave(call)
    try:
        call.telemetry.worker.submit_dropped(call.end, CallEnd(ended=time.perf_counter()))
    except Exception as failure:
        report("ending a dropped call", failure)


def settle(call: LiveCall, client: InstrumentedClient, result: Any) -> Any:
    """Return the result for the app; end the call, or watch the result for the end of the call."""
    leave(call)
    try:
        read = client.read_result(result, call.request)
        kind = type(read)
        if kind is Streamed:
            return watch(call, read)
        if kind is Raw:
            watch_body(call, read)
        elif kind is Unread:
            _end_unread(call, Response(is_answer=False))
        else:
            call.settle(read)
    except Exception as error:
        report("reading a result", error)
        _end_unread(call, Response())
    return result


@guarded("ending a call")
def _end_unread(call: LiveCall, unread: Response) -> None:
    received = call.request.received
    call.end(CallEnd(response=unread if received is None else call.request.endpoint.read_response(received)))
