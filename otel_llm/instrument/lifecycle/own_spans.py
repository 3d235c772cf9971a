"""Calls of clients that emit a span by themselves, recorded on that span: it gets what it lacks.

The client's span is found when it starts, while the client works on the call. Its end is held back until the call
has ended, since a stream's cost and times are known last.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.trace import INVALID_SPAN, Span, Status, StatusCode, get_tracer_provider
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.contract.data import Request
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.call import CallEnd, LiveCall, open_call
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry


class CompletedCall(LiveCall):
    """A call whose span is the client's own.

    States: open without a span; with the client's span; ended. A call that ends without a span, since the client
    opened none, gets one of ours, with the time of its start.
    """

    __slots__ = ("_client_end_ns", "_scopes", "_started_ns")

    def __init__(self, telemetry: CallTelemetry, request: Request, scopes: frozenset[str]) -> None:
        self._scopes = scopes
        self._started_ns = time.time_ns()
        self._client_end_ns: int | None = None
        """When the client ended its span; None while it has not."""
        super().__init__(telemetry, request)

    @property
    def keeps_client_span(self) -> bool:
        """True if the client is to open its own span for this call."""
        return not self.is_suppressed

    @property
    def captures_content(self) -> bool:
        """Whether the messages of this call are recorded: perhaps, while it is open whose span it will be."""
        return super().captures_content or (self._lacks_span and self.telemetry.capture.captures)

    @property
    def _lacks_span(self) -> bool:
        return self._span is INVALID_SPAN and not self.is_suppressed

    def _open_span(self, start_ns: int | None = None) -> Span:
        if start_ns is None:
            _look_out(self.telemetry)
            return INVALID_SPAN
        return super()._open_span(start_ns)

    def adopt(self, span: Any) -> None:
        """Record this call on a span that the client has started, unless it has one or the span is of others."""
        if not self._lacks_span or span.instrumentation_scope.name not in self._scopes:
            return
        span.end = self._hold_end
        self._span = span
        self._ask()

    def end(self, outcome: CallEnd) -> None:
        """End the call; only the first end counts."""
        if self._lacks_span and not self._ended:
            self._span = self._open_span(self._started_ns)
            self._ask()
        super().end(outcome)

    def _hold_end(self, end_time: int | None = None) -> None:
        self._client_end_ns = time.time_ns() if end_time is None else end_time

    def _close_span(self, end_ns: int | None, *, waits: bool) -> int | None:
        if vars(self._span).pop("end", None) is not None:  # else it is ours: nothing was held back
            if self._client_end_ns is None:  # the client ends it yet
                return None
            end_ns = self._client_end_ns
        return super()._close_span(end_ns, waits=waits)

    def _set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        said = getattr(self._span, "attributes", None) or {}
        everything = {**(self._inherited or {}), **self._shared, **attributes}
        if names.USAGE_COST in said:  # the source is that of our cost
            everything.pop(names.USAGE_COST_SOURCE, None)
        self._span.set_attributes({name: value for name, value in everything.items() if name not in said})

    def _set_status(self, status: Status) -> None:
        said = getattr(self._span, "status", None)
        if said is None or said.status_code is StatusCode.UNSET:
            self._span.set_status(status)


class _LookOut:
    """A span processor that offers each span that starts to the open call.

    A provider has no way to take a processor out: it stays, and does nothing while no call is open.
    """

    @guarded("completing a client's span")
    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Offer the span to the call that is at work here."""
        call = open_call()
        if isinstance(call, CompletedCall):
            call.adopt(span)

    def _on_ending(self, span: Any) -> None:
        pass

    def on_end(self, span: Any) -> None:
        """Do nothing."""

    def shutdown(self) -> None:
        """Do nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing waits here."""
        return True


def _look_out(telemetry: CallTelemetry) -> None:
    """Hear of the spans that start: of our provider, and of the process's, which the client uses."""
    for provider in (telemetry.providers.tracer, get_tracer_provider()):
        if provider is not None and provider not in _heard and hasattr(provider, "add_span_processor"):
            _heard.add(provider)
            provider.add_span_processor(_LookOut())


_heard: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
