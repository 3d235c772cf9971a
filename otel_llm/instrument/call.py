"""The life of one call: its span, metrics and event, ended exactly once."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from contextvars import Token
from dataclasses import dataclass, field
from typing import Final, Literal

from opentelemetry import context as otel_context
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument import content
from otel_llm.instrument.cost import Pending
from otel_llm.instrument.fields import Content, Request, Response
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.metrics import Measurement
from otel_llm.instrument.telemetry import Telemetry

_OPEN_CALL: Final = otel_context.create_key("otel_llm.open_call")
# opentelemetry.instrumentation.utils, `is_instrumentation_enabled`: its import takes longer than all of ours
_SUPPRESSED_BY: Final = (_SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation")
# how Python ends generators and loops: none of them is a failure
_ENDS: Final = (GeneratorExit, StopIteration, StopAsyncIteration)


def may_open() -> bool:
    """Whether a call may be recorded here: nobody suppresses it, and no layer further out has opened it."""
    context = otel_context.get_current()
    outer = context.get(_OPEN_CALL)
    # a task that was started inside a call keeps the call's context when the call is long over
    if isinstance(outer, Call) and outer.is_requesting:
        return False
    return not any(context.get(key) for key in _SUPPRESSED_BY)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a call ended."""

    response: Response = field(default_factory=Response)
    """What came back, or as much as did."""
    error: BaseException | None = None
    first_chunk_s: float | None = None
    """Of a stream, the time from the request to the first chunk."""
    chunk_gaps_s: Sequence[float] = ()
    """Of a stream, the times between one chunk and the next."""
    ended: float | None = None
    """When it ended, by time.perf_counter(); None is now."""

    @property
    def error_type(self) -> str | None:
        """The error's class."""
        return None if self.error is None else type(self.error).__qualname__


class Call:
    """One call of a client, from its request on. Opens the CLIENT span `{operation} {model}`."""

    def __init__(self, telemetry: Telemetry, request: Request) -> None:
        self.started = time.perf_counter()
        self.telemetry = telemetry
        self.request = request
        # an exception that is being handled already, say of a model that this call replaces, is not this call's
        self._error_before = id(sys.exc_info()[1])
        self._token: Token[otel_context.Context] | None = None
        self.is_requesting = False
        """Whether the client is at work on the request now, so that what it calls in turn is this call."""
        self._ended = False
        self._shared = _shared_attributes(request)
        self._span = telemetry.tracer.start_span(
            f"{request.operation} {request.model}" if request.model else request.operation,
            kind=SpanKind.CLIENT,
            attributes=self._shared,
        )
        capture = telemetry.settings.capture_content
        captured = capture.on_event or (capture.on_span and self._span.is_recording())
        self._content = request.read_content() if captured else None
        if request.model and not telemetry.prices.knows(request.provider, request.model):
            telemetry.worker.prepare(lambda: telemetry.prices.prepare(request.provider, request.model or ""))

    @property
    def captures_content(self) -> bool:
        """Whether the messages of this call are recorded."""
        return self._content is not None

    @guarded("entering a call's context")
    def enter(self) -> None:
        """Make the span the current one, until `leave` in the same task or thread."""
        self.is_requesting = True
        context = otel_context.set_value(_OPEN_CALL, self, set_span_in_context(self._span))
        self._token = otel_context.attach(context)

    @guarded("leaving a call's context")
    def leave(self) -> None:
        """Put back the context that was current before `enter`."""
        self.is_requesting = False
        # the token leads to the context, and that to this call: kept, they would wait for the cyclic collector
        token, self._token = self._token, None
        # Not only where our context is the current one: what the request attached and forgot goes with ours.
        # A coroutine that was thrown away, say by an event loop that ends, is closed outside its own context,
        # where there is nothing to put back, and OpenTelemetry's detach() would log an error.
        with contextlib.suppress(ValueError):
            if token is not None:
                token.var.reset(token)

    @guarded("ending a failed call")
    def fail(self, error: BaseException) -> None:
        """End the call that raised `error` before anything came back."""
        self.end(Outcome(error=error))

    def error_of_the_caller(self) -> BaseException | None:
        """Return the app's own exception that is passing through a `with` or `finally` now, if there is one."""
        error = sys.exc_info()[1]
        if error is None or id(error) == self._error_before or isinstance(error, _ENDS):
            return None
        return error

    def end(self, outcome: Outcome) -> None:
        """End the call; only the first end counts."""
        if self._ended:
            return
        self._ended = True
        self.is_requesting = False
        now = time.perf_counter()
        duration_s = (now if outcome.ended is None else outcome.ended) - self.started
        cost = self._quick_cost(outcome.response)
        self._describe(outcome, cost)
        if self._content is not None:
            self._record_content(self._content, outcome)
        self._span.end(time.time_ns() - int((now - self.started - duration_s) * 1e9))
        self.telemetry.worker.submit(lambda: self._measure(outcome, duration_s, cost))

    @guarded("pricing a call")
    def _quick_cost(self, response: Response) -> float | Literal[Pending.PENDING] | None:
        if response.usage is None:
            return None
        request = self.request
        return self.telemetry.prices.quick_cost(request.provider, request.model, response.model, response.usage)

    @guarded("describing a call")
    def _describe(self, outcome: Outcome, cost: float | Literal[Pending.PENDING] | None) -> None:
        if not self._span.is_recording():
            return
        if outcome.error is not None:
            # an error's text may repeat the prompt
            text = None if self._content is None else str(outcome.error)
            self._span.set_status(Status(StatusCode.ERROR, text))
        attributes = {**self.request.attributes, **_outcome_attributes(outcome)}
        if isinstance(cost, float):
            attributes[names.USAGE_COST] = cost
        self._span.set_attributes(attributes)

    @guarded("recording content")
    def _record_content(self, asked: Content, outcome: Outcome) -> None:
        settings = self.telemetry.settings
        parts = {
            names.INPUT_MESSAGES: asked.messages,
            names.OUTPUT_MESSAGES: outcome.response.read_messages(),
            names.TOOL_DEFINITIONS: asked.tools,
        }
        parts = {name: part for name, part in parts.items() if part}
        if settings.capture_content.on_span:
            texts = {name: content.to_json(part, settings.content_limit) for name, part in parts.items()}
            self._span.set_attributes(texts)
        if settings.capture_content.on_event:
            structures = {name: content.cut(part, settings.content_limit) for name, part in parts.items()}
            self.telemetry.events.emit(
                event_name=names.EVENT_OPERATION_DETAILS,
                severity_number=SeverityNumber.DEBUG,
                context=set_span_in_context(self._span),
                attributes={
                    **self._shared,
                    **self.request.attributes,
                    **_outcome_attributes(outcome),
                    **structures,
                },
            )

    def _measure(self, outcome: Outcome, duration_s: float, cost: float | Literal[Pending.PENDING] | None) -> None:
        request, response, usage = self.request, outcome.response, outcome.response.usage
        measurement = Measurement(
            attributes={**self._shared, **({names.RESPONSE_MODEL: response.model} if response.model else {})},
            context=set_span_in_context(self._span, otel_context.Context()),
            duration_s=duration_s,
            error_type=outcome.error_type,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            first_chunk_s=outcome.first_chunk_s,
            chunk_gaps_s=outcome.chunk_gaps_s,
        )
        self.telemetry.metrics.record(measurement)
        if cost is Pending.PENDING and usage is not None:
            cost = self.telemetry.prices.cost(request.provider, request.model, response.model, usage)
        if isinstance(cost, float):
            self.telemetry.metrics.add_cost(cost, measurement.attributes, measurement.context)


def _shared_attributes(request: Request) -> dict[str, AttributeValue]:
    """Return what samplers see at the start, which is what the metrics are labelled with."""
    attributes: dict[str, AttributeValue] = {
        names.OPERATION: request.operation,
        names.PROVIDER: request.provider,
    }
    if request.model:
        attributes[names.REQUEST_MODEL] = request.model
    if request.address:
        attributes[names.SERVER_ADDRESS] = request.address
    if request.port:
        attributes[names.SERVER_PORT] = request.port
    return attributes


def _outcome_attributes(outcome: Outcome) -> dict[str, AttributeValue]:
    response, usage = outcome.response, outcome.response.usage
    attributes: dict[str, AttributeValue | None] = {
        names.RESPONSE_ID: response.id,
        names.RESPONSE_MODEL: response.model,
        names.RESPONSE_FINISH_REASONS: response.finish_reasons or None,
        names.RESPONSE_TIME_TO_FIRST_CHUNK: outcome.first_chunk_s,
        names.OPENAI_RESPONSE_SERVICE_TIER: response.service_tier,
        names.ERROR_TYPE: outcome.error_type,
    }
    if usage is not None:
        attributes |= {
            names.USAGE_INPUT_TOKENS: usage.input_tokens,
            names.USAGE_OUTPUT_TOKENS: usage.output_tokens,
            names.USAGE_CACHE_READ_INPUT_TOKENS: usage.cache_read_tokens,
            names.USAGE_CACHE_WRITE_INPUT_TOKENS: usage.cache_write_tokens,
            names.USAGE_REASONING_OUTPUT_TOKENS: usage.reasoning_tokens,
        }
    return {name: value for name, value in attributes.items() if value is not None}
