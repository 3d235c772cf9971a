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
from otel_llm.config.instrument_values import SurroundingSpans
from otel_llm.instrument.contract.data import NO_ANSWER, Content, Request, Response
from otel_llm.instrument.cost.prices import Pending, QuickCost
from otel_llm.instrument.guard import report
from otel_llm.instrument.lifecycle import late_spans
from otel_llm.instrument.lifecycle.attributes import encodable, set_outcome, shared_attributes
from otel_llm.instrument.lifecycle.measured import Measured, measure
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry
from otel_llm.instrument.scope.baggage import without_baggage
from otel_llm.instrument.scope.inherited import inherited_attributes, inherited_documents

_OPEN_CALL: Final = otel_context.create_key("otel_llm.open_call")
# the older key of opentelemetry.instrumentation.utils, whose import takes longer than all of ours
_SUPPRESSED: Final = "suppress_instrumentation"
# Set by OpenLLMetry's instrumentations of frameworks, such as LangChain's, for those of clients: the framework's
# span is the call's, though it is not the current span (opentelemetry-semantic-conventions-ai 0.5.1).
_FRAMEWORK_RECORDS: Final = "suppress_language_model_instrumentation"
# exceptions by which Python ends generators and loops: none of them is a failure
_ENDS: Final = (GeneratorExit, StopIteration, StopAsyncIteration)


def open_call() -> LiveCall | None:
    """Return the call that is at work here: a call made now is part of it. None if no call is at work."""
    call = otel_context.get_current().get(_OPEN_CALL)
    # a task that was started inside a call keeps the call's context long after the end of the call
    return call if isinstance(call, LiveCall) and call.is_requesting else None


@dataclass(slots=True, kw_only=True)
class CallEnd:
    """The end of a call."""

    response: Response = field(default_factory=Response)
    """The response, or the part that arrived."""
    error: BaseException | None = None
    is_left: bool = False
    """True if the app left the stream before its end."""
    first_chunk_s: float | None = None
    """Seconds from the request to the first chunk of a stream. None means no chunk."""
    chunk_times: Sequence[float] = ()
    """Seconds, by time.perf_counter(), at which the chunks of a stream came."""
    ended: float | None = None
    """Seconds, by time.perf_counter(), at which the call ended. None means now."""


class LiveCall:
    """One call of a client, from its request on. The constructor opens the CLIENT span `{operation} {model}`.

    States: open, then ended, once; between `enter` and `leave`, which one task or thread calls, the call is the
    current one. The end may come on any thread. If instrumentation is suppressed, the call has no span and no
    content, but counts in the metrics.
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
        # an exception that is already being handled, say of a replaced model, is not this call's error
        handled = sys.exc_info()[1]
        self._error_before = None if handled is None else _fingerprint(handled)
        self._token: Token[Context] | None = None
        self.is_requesting = False
        """True while the client works on the request: calls that it makes meanwhile are part of this call."""
        self.attempts = 1
        """The number of times that the client has sent the request."""
        self._ended = False
        self._shared = shared_attributes(request)
        self._context = context = otel_context.get_current()
        self._inherited = inherited_attributes(context) if context else None
        self.is_suppressed = self._wants_no_span(context)
        """True if the app wants no span for this call."""
        self.asked: Content | None = None
        """The content of the request. None if content is not captured."""
        self._span: Span = INVALID_SPAN if self.is_suppressed else self._open_span()
        # read after the span's own start, so that no measured time is longer than the span
        self.started = time.perf_counter()
        if telemetry.capture.captures and self._span is not INVALID_SPAN:
            self._ask()
        if request.model and not telemetry.prices.knows(request.provider, request.model):
            telemetry.worker.prepare(telemetry.prices.prepare, request.provider, request.model)

    def _wants_no_span(self, context: Context) -> bool:
        asked = context and (context.get(_SUPPRESS_INSTRUMENTATION_KEY) or context.get(_SUPPRESSED))
        return bool(asked) or self._is_recorded_by_framework

    @property
    def _is_recorded_by_framework(self) -> bool:
        if not self._context.get(_FRAMEWORK_RECORDS):
            return False
        return self.telemetry.settings.surrounding_spans is SurroundingSpans.COMPLETE

    def _open_span(self, start_ns: int | None = None) -> Span:
        operation, model = self.request.endpoint.operation, self._shared.get(names.REQUEST_MODEL)
        return self.telemetry.tracer.start_span(
            f"{operation} {model}" if model else operation,
            context=self._context,
            kind=SpanKind.CLIENT,
            # inherited attributes are for samplers too, but not for labels of metrics: there are too many users
            attributes={**self._inherited, **self._shared} if self._inherited else self._shared,
            start_time=start_ns,
        )

    def _ask(self) -> None:
        """Keep the content of the request, if content is captured."""
        self.asked = self.telemetry.capture.asked(self._span, self.request)
        if self.asked is not None:
            self.asked.documents = list(inherited_documents(self._context))

    @property
    def keeps_client_span(self) -> bool:
        """True if the client is to open its own span for this call."""
        return False

    @property
    def other_scope(self) -> str | None:
        """The scope of another instrumentation that records this call; "" if it is unknown. None means none."""
        return "" if self._is_recorded_by_framework else None

    @property
    def captures_content(self) -> bool:
        """True if the messages of this call are recorded."""
        return self.asked is not None

    def enter(self) -> None:
        """Make the span the current span, until `leave` in the same task or thread."""
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
        # the token refers to the context, and that to this call: the cycle would wait for the collector
        token, self._token = self._token, None
        if token is None:
            return
        # Also if our context is not the current one: contexts that the request attached and forgot go with ours. A
        # dropped coroutine, say of an event loop that ends, is closed outside its own context. There is nothing to
        # put back then, and OpenTelemetry's detach() would log an error.
        try:
            token.var.reset(token)
        except ValueError:
            return

    def error_of_the_caller(self) -> BaseException | None:
        """Return the app's own exception that passes through a `with` or `finally` now; None without one."""
        error = sys.exc_info()[1]
        if error is None or isinstance(error, _ENDS) or _fingerprint(error) == self._error_before:
            return None
        return error

    def settle(self, result: Any) -> None:
        """End the call with a whole response, given as the client's own object."""
        self.end(CallEnd(response=self.request.endpoint.read_response(result)))

    def fail(self, error: BaseException) -> None:
        """End the call that raised; with the response, if the client failed while reading a response."""
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
        if error_type is None and not (response.is_answer or outcome.is_left):
            error_type = NO_ANSWER
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
        # hand over no object of the app: the objects are freed later, on another thread
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
            self.other_scope,
        )
        self.telemetry.worker.submit(measure, self.telemetry, measured)
        if late is not None and not self.telemetry.worker.is_running:
            late_spans.end(late, None)

    # Only this method ends the span, so that calls on the span of other code (`borrowed_span.py`) override it.

    def _close_span(self, end_ns: int | None, *, waits: bool) -> int | None:
        """End the span and return None, or return the number under which it is held until the cost is known."""
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
        set_outcome(
            attributes, outcome.response, outcome.first_chunk_s, error_type, self.telemetry.renamed_attributes
        )
        # values of the call come first, then values of the app, then values of the provider
        for name in inherited or ():
            if name not in said:
                attributes.pop(name, None)
        if self.attempts > 1:
            attributes[names.REQUEST_ATTEMPTS] = self.attempts
        if cost is not None and cost is not Pending.PENDING:
            attributes[names.USAGE_COST], attributes[names.USAGE_COST_SOURCE] = cost
        attributes = encodable(attributes)
        self._set_attributes(attributes)
        if self.asked is not None:
            described = {**(inherited or {}), **self._shared, **attributes}
            self.telemetry.capture.record(
                self._span, self._set_attributes, self.asked, outcome.response.read_messages, described
            )


def _fingerprint(error: BaseException) -> tuple[object, ...]:
    """Return a key of an exception without holding the exception: its id alone may soon be another's."""
    trace = error.__traceback__
    return id(error), type(error), *(() if trace is None else (id(trace.tb_frame.f_code), trace.tb_lasti))
