"""Calls of clients that emit spans by themselves, recorded on the client's own span with its missing attributes.

The client's span is found when it starts, while the client works on the call. The end of the span is held back
until the call has ended, because a stream's cost and times are known last.
"""

from __future__ import annotations

import time
import weakref
from typing import Any, Final

from opentelemetry.trace import INVALID_SPAN, Span, get_tracer_provider

from otel_llm.instrument.contract.data import Request
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.borrowed_span import CallOnBorrowedSpan
from otel_llm.instrument.lifecycle.call import CallEnd, open_call
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry


class CompletedCall(CallOnBorrowedSpan):
    """A call whose span is the client's own.

    States: open without a span; open with the client's span; ended. If the client opened no span, the call gets a
    span of ours when it ends, with the time of its start.
    """

    __slots__ = ("_client_end_ns", "_scopes", "_started_ns")

    def __init__(self, telemetry: CallTelemetry, request: Request, scopes: frozenset[str]) -> None:
        self._scopes = scopes
        self._started_ns = time.time_ns()
        self._client_end_ns: int | None = None
        """Nanoseconds since the epoch at which the client ended its span. None while the span is open."""
        super().__init__(telemetry, request)

    @property
    def keeps_client_span(self) -> bool:
        """True if the client is to open its own span for this call."""
        return not self.is_suppressed

    @property
    def captures_content(self) -> bool:
        """True if the messages of this call are recorded, or may be: its span is not known yet."""
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
        """Record this call on a new span, if the call has no span yet and the span is the client's."""
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
        if vars(self._span).pop("end", None) is not None:  # else the span is ours, without a held end
            if self._client_end_ns is None:  # the client has not ended its span yet, and will do so
                return None
            end_ns = self._client_end_ns
        return super()._close_span(end_ns, waits=waits)


class _LookOut:
    """A span processor that offers each new span to the open call.

    A provider cannot remove a processor: this one stays, and does nothing while no call is open.
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
        """Return True: this processor holds no spans."""
        return True


def _look_out(telemetry: CallTelemetry) -> None:
    """Add the processor to our provider, and to the process's provider, which the client uses."""
    for provider in (telemetry.providers.tracer, get_tracer_provider()):
        if provider is not None and provider not in _heard and hasattr(provider, "add_span_processor"):
            _heard.add(provider)
            provider.add_span_processor(_LookOut())


_heard: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
