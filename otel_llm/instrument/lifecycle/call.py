"""The life of one call: its span, metrics and event, ended exactly once."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextvars import Token
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.contract.data import Content, Request, Response
from otel_llm.instrument.cost.prices import Pending, QuickCost
from otel_llm.instrument.guard import report
from otel_llm.instrument.lifecycle import late_spans
from otel_llm.instrument.lifecycle.attributes import set_outcome, shared_attributes
from otel_llm.instrument.lifecycle.measured import Measured, measure
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry
from otel_llm.instrument.scope.baggage import without_baggage
from otel_llm.instrument.scope.inherited import inherited_attributes, inherited_documents

_OPEN_CALL: Final = otel_context.create_key("otel_llm.open_call")
# the older key that opentelemetry.instrumentation.utils, whose import takes longer than all of ours, looks at too
_SUPPRESSED: Final = "suppress_instrumentation"
# how Python ends generators and loops: none of them is a failure
_ENDS: Final = (GeneratorExit, StopIteration, StopAsyncIteration)


def open_call() -> LiveCall | None:
    """Return the call that is at work here, so that what is called now is part of it."""
    call = otel_context.get_current().get(_OPEN_CALL)
    # a task that was started inside a call keeps the call's context when the call is long over
    return call if isinstance(call, LiveCall) and call.is_requesting else None


@dataclass(slots=True, kw_only=True)
class CallEnd:
    """How a call ended."""

    response: Response = field(default_factory=Response)
    """What came back, or as much as did."""
    error: BaseException | None = None
    first_chunk_s: float | None = None
    """Of a stream, the time from the request to the first chunk."""
    chunk_times: Sequence[float] = ()
    """Of a stream, when its chunks came, by time.perf_counter()."""
    ended: float | None = None
    """When it ended, by time.perf_counter(); None is now."""


class LiveCall:
    """One call of a client, from its request on. Opens the CLIENT span `{operation} {model}`.

    Where instrumentation is suppressed there is no span and no content, but the call counts in the metrics.
    """

    __slots__ = (
        "__weakref__",
        "_context",
        "_ended",
        "_error_before",
        "_inherited",
        "_shared",
        "_span",
        "_token",
        "asked",
        "attempts",
        "is_requesting",
        "is_suppressed",
        "request",
        "started",
        "telemetry",
    )

    def __init__(self, telemetry: CallTelemetry, request: Request) -> None:
        self.telemetry = telemetry
        self.request = request
        # an exception that is being handled already, say of a model that this call replaces, is not this call's
        handled = sys.exc_info()[1]
        self._error_before = None if handled is None else _fingerprint(handled)
        self._token: Token[Context] | None = None
        self.is_requesting = False
        """Whether the client is at work on the request now, so that what it calls in turn is this call."""
        self.attempts = 1
        """How often the client has sent the request."""
        self._ended = False
        self._shared = shared_attributes(request)
        self._context = context = otel_context.get_current()
        self._inherited = inherited_attributes(context) if context else None
        self.is_suppressed = bool(
            context and (context.get(_SUPPRESS_INSTRUMENTATION_KEY) or context.get(_SUPPRESSED))
        )
        """True if the app wants no span of this call."""
        self.asked: Content | None = None
        """What was asked, where content is captured, else None."""
        self._span: Span = INVALID_SPAN if self.is_suppressed else self._open_span()
        self.started = time.perf_counter()  # after the span's own start, so that no time in it is longer than it
        if telemetry.capture.captures and self._span is not INVALID_SPAN:
            self._ask()
        if request.model and not telemetry.prices.knows(request.provider, request.model):
            telemetry.worker.prepare(telemetry.prices.prepare, request.provider, request.model)

    def _open_span(self, start_ns: int | None = None) -> Span:
        operation, model = self.request.endpoint.operation, self.request.model
        return self.telemetry.tracer.start_span(
            f"{operation} {model}" if model else operation,
            context=self._context,
            kind=SpanKind.CLIENT,
            # what is inherited is for samplers too, but no label of metrics: users are too many
            attributes={**self._inherited, **self._shared} if self._inherited else self._shared,
            start_time=start_ns,
        )

    def _ask(self) -> None:
        """Keep what was asked, where content is captured."""
        self.asked = self.telemetry.capture.asked(self._span, self.request)
        if self.asked is not None:
            self.asked.documents = list(inherited_documents(self._context))

    @property
    def keeps_client_span(self) -> bool:
        """True if the client is to open its own span for this call."""
        return False

    @property
    def captures_content(self) -> bool:
        """Whether the messages of this call are recorded."""
        return self.asked is not None

    def enter(self) -> None:
        """Make the span the current one, until `leave` in the same task or thread."""
        self.is_requesting = True
        context = self._context
        entered: dict[str, Any] = {**without_baggage(context)} if context else {}
        entered[_OPEN_CALL] = self
        if self._span is not INVALID_SPAN:
            entered[_SPAN_KEY] = self._span
        self._token = otel_context.attach(Context(entered))

    def leave(self) -> None:
        """Put back the context that was current before `enter`."""
        self.is_requesting = False
        # the token leads to the context, and that to this call: kept, they would wait for the cyclic collector
        token, self._token = self._token, None
        if token is None:
            return
        # Not only where our context is the current one: what the request attached and forgot goes with ours.
        # A coroutine that was thrown away, say by an event loop that ends, is closed outside its own context,
        # where there is nothing to put back, and OpenTelemetry's detach() would log an error.
        try:
            token.var.reset(token)
        except ValueError:
            return

    def error_of_the_caller(self) -> BaseException | None:
        """Return the app's own exception that is passing through a `with` or `finally` now, if there is one."""
        error = sys.exc_info()[1]
        if error is None or isinstance(error, _ENDS) or _fingerprint(error) == self._error_before:
            return None
        return error

    def settle(self, result: Any) -> None:
        """End the call with the client's own object for a whole response."""
        self.end(CallEnd(response=self.request.endpoint.read_response(result)))

    def fail(self, error: BaseException) -> None:
        """End the call that raised, with what came back, where the client failed over that."""
        received = self.request.received
        response = Response() if received is None else self.request.endpoint.read_response(received)
        self.end(CallEnd(response=response, error=error))

    def end(self, outcome: CallEnd) -> None:
        """End the call; only the first end counts."""
        if self._ended:
            return
        self._ended = True
        self.is_requesting = False
        now = time.perf_counter()
        ended = now if outcome.ended is None else outcome.ended
        end_ns = None if outcome.ended is None else time.time_ns() - int((now - ended) * 1e9)
        request, response, error = self.request, outcome.response, outcome.error
        error_type = response.error_type if error is None else type(error).__qualname__
        cost: QuickCost = Pending.PENDING
        is_recording = self._span.is_recording()
        if is_recording or self.asked is not None:
            try:
                cost = self.telemetry.prices.quick_cost(
                    request.provider, request.model, response.model, response.usage
                )
            except Exception as failure:
                report("pricing a call", failure)
                cost = None
            try:
                self._describe(outcome, error_type, cost)
            except Exception as failure:
                report("describing a call", failure)
        late = self._close_span(end_ns, waits=is_recording and cost is Pending.PENDING)
        # nothing of the app's own: what is handed over here is freed on another thread, and later
        measured = Measured(
            request.model,
            self._shared,
            self._span,
            ended - self.started,
            error_type,
            response.model,
            response.usage,
            outcome.first_chunk_s,
            outcome.chunk_times,
            cost,
            late,
        )
        self.telemetry.worker.submit(measure, self.telemetry, measured)
        if late is not None and not self.telemetry.worker.is_running:
            late_spans.end(late, None)

    # The span is ended here alone, so that a call whose span is the client's own (`own_spans.py`) does it
    # otherwise.

    def _close_span(self, end_ns: int | None, *, waits: bool) -> int | None:
        """End the span, or return the number under which it is held: it waits for its cost."""
        if waits:
            late = late_spans.hold(self._span, time.time_ns() if end_ns is None else end_ns)
            if late is not None:
                return late
        self._span.end(end_ns)
        return None

    def _set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self._span.set_attributes(attributes)

    def _set_status(self, status: Status) -> None:
        self._span.set_status(status)

    def _describe(self, outcome: CallEnd, error_type: str | None, cost: QuickCost) -> None:
        if error_type is not None:
            text = None if outcome.error is None else self.telemetry.capture.error_text(outcome.error)
            self._set_status(Status(StatusCode.ERROR, text))
        request, inherited = self.request, self._inherited
        attributes = request.endpoint.read_attributes(request.body)
        if request.stream:
            attributes[names.REQUEST_STREAM] = True
        said = attributes.keys() & inherited.keys() if inherited else ()
        set_outcome(attributes, outcome.response, outcome.first_chunk_s, error_type)
        for name in inherited or ():  # the call's own words come first, then the app's, then the provider's
            if name not in said:
                attributes.pop(name, None)
        if self.attempts > 1:
            attributes[names.REQUEST_ATTEMPTS] = self.attempts
        if cost is not None and cost is not Pending.PENDING:
            attributes[names.USAGE_COST], attributes[names.USAGE_COST_SOURCE] = cost
        self._set_attributes(attributes)
        if self.asked is not None:
            described = {**(inherited or {}), **self._shared, **attributes}
            self.telemetry.capture.record(self._span, self.asked, outcome.response.read_messages, described)


def _fingerprint(error: BaseException) -> tuple[object, ...]:
    """Return what tells an exception from others, without holding it: an id alone is soon another one's."""
    trace = error.__traceback__
    return id(error), type(error), *(() if trace is None else (id(trace.tb_frame.f_code), trace.tb_lasti))
