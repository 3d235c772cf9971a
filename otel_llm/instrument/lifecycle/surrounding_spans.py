"""Calls inside a span that another instrumentation has opened for the same call, recorded on that span.

The other instrumentation works outside of ours: a framework, or a stand-in for a method that calls the client's
request. Its span is current when our call begins, and ends after our call.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, get_current_span
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.contract.data import Request
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle import late_spans
from otel_llm.instrument.lifecycle.borrowed_span import CallOnBorrowedSpan
from otel_llm.instrument.lifecycle.call import CallEnd
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry

_STATE: Final = "_otel_llm_surrounding"
_OPERATIONS_OF_KINDS: Final = {
    "LLM": "chat", "EMBEDDING": names.EMBEDDINGS, "completion": "chat", "embedding": names.EMBEDDINGS,
}  # fmt: skip
"""Operations by the values of the attributes with which OpenInference and OpenLLMetry say what a span is."""
# LiteLLM's callback describes a call that has ended on whatever span is current then: the next call is another
_OF_RESPONSES: Final = (names.RESPONSE_ID, names.USAGE_OUTPUT_TOKENS, names.OPENINFERENCE_OUTPUT_TOKENS)
_NAME_PARTS: Final = re.compile(r"[^/:,\s]+")
# the end of a model's name that says its version: "-2024-07-18", "-20250514", "-001", "-latest"
_VERSION: Final = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{3,8}|latest)$")


class SurroundingSpan:
    """A span of another instrumentation, and what our call has to add to it when it ends.

    States: open, and free or taken by a call; ended by its owner while a cost is awaited; ended. One call has the
    span at a time, and no other after a call that succeeded. The owner may end the span on any thread. Some owners
    never end the span of a stream that is left early: such a span is ended here, some seconds later.
    """

    def __init__(self, span: Any) -> None:
        """Stand in for the span's own `end`.

        Raises:
            AttributeError: the span takes no attributes of Python, so that nothing can be added at its end.
        """
        self.span: Span = span
        self.is_free = True
        self.scope: str = getattr(getattr(span, "instrumentation_scope", None), "name", "")
        self._error_type: str | None = None
        self._is_reported = False
        self._awaits_cost = False
        self._awaits_owner: int | None = None
        """The number under which the span of a stream that was left early is held."""
        self._left_ns: int | None = None
        self._ended_ns: int | None = None
        self._lock = threading.Lock()
        setattr(span, _STATE, self)
        span.end = self._end_by_owner

    @property
    def _span_processor(self) -> Any:
        # `late_spans` reads it from the spans that it holds; Logfire's spans have the SDK's span inside
        inner = getattr(self.span, "span", self.span)
        return getattr(inner, "_span_processor", None)

    def settle(self, error_type: str | None, *, is_reported: bool, left_ns: int | None, waits: bool) -> int | None:
        """Take note of the end of the call, and return the number under which the span is held for its cost.

        Args:
            error_type: None means that the call succeeded.
            is_reported: True if the response reports the error, so that no exception tells the span's owner.
            left_ns: nanoseconds since the epoch at which a stream was left early. None means that it was not.
            waits: True if the cost is not known yet.
        """
        self._error_type, self._is_reported = error_type, is_reported
        self.is_free = error_type is not None  # a repeated request is the same call
        self._left_ns = left_ns
        if not self.span.is_recording():
            return None
        if not waits:
            self._await_owner()
            return None
        self._awaits_cost = True
        number = late_spans.hold(self, time.time_ns())
        if number is None:
            self.end()
        return number

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add the cost, unless the span has one."""
        if names.USAGE_COST not in (getattr(self.span, "attributes", None) or {}):
            self.span.set_attributes(attributes)

    def end(self, _end_ns: int | None = None) -> None:
        """Wait no longer for the cost, or for the owner: end the span, if its owner has ended it or never will."""
        with self._lock:
            awaited_cost, self._awaits_cost = self._awaits_cost, False
            if not awaited_cost and self._ended_ns is None:
                self._ended_ns = self._left_ns
            is_ended = self._ended_ns is not None
        if is_ended:
            self._end_now()
        elif awaited_cost:
            self._await_owner()

    def _await_owner(self) -> None:
        if self._left_ns is not None:
            self._awaits_owner = late_spans.hold(self, self._left_ns)

    def _end_by_owner(self, end_time: int | None = None) -> None:
        with self._lock:
            self._ended_ns = time.time_ns() if end_time is None else end_time
            waits = self._awaits_cost
        if not waits:
            self._end_now()
        self._stop_awaiting_owner()

    @guarded("ending a span that was held")
    def _stop_awaiting_owner(self) -> None:
        if self._awaits_owner is not None:
            late_spans.end(self._awaits_owner, None)

    def _end_now(self) -> None:
        if vars(self.span).pop("end", None) is None:  # it has ended
            return
        self._add_error()
        self.span.end(self._ended_ns)

    @guarded("completing another instrumentation's span")
    def _add_error(self) -> None:
        """Add the class of an error, if the span's owner says that the span failed, or cannot know."""
        if self._error_type is None:
            return
        status = getattr(getattr(self.span, "status", None), "status_code", None)
        if self._is_reported and status is StatusCode.UNSET:
            self.span.set_status(Status(StatusCode.ERROR))
        elif status is not StatusCode.ERROR:
            return
        if names.ERROR_TYPE not in (getattr(self.span, "attributes", None) or {}):
            self.span.set_attribute(names.ERROR_TYPE, self._error_type)


class SurroundedCall(CallOnBorrowedSpan):
    """A call whose span is that of another instrumentation. It never ends the span."""

    __slots__ = ("_error_type", "_is_left", "_is_reported", "_surrounding")

    def __init__(self, telemetry: CallTelemetry, request: Request, surrounding: SurroundingSpan) -> None:
        self._surrounding = surrounding
        self._error_type: str | None = None
        self._is_reported = self._is_left = False
        surrounding.is_free = False
        super().__init__(telemetry, request)

    @property
    def other_scope(self) -> str | None:
        """The scope of the span."""
        return self._surrounding.scope

    def end(self, outcome: CallEnd) -> None:
        """End the call; only the first end counts."""
        if not self._ended:
            self._is_reported = outcome.error is None
            self._is_left = self._is_reported and outcome.is_left
        super().end(outcome)

    def _wants_no_span(self, context: Context) -> bool:
        return False  # who suppresses instrumentation inside a span of the same call wants no second span

    def _open_span(self, start_ns: int | None = None) -> Span:
        self._span = self._surrounding.span
        self._set_attributes({})
        return self._span

    def _set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        rest = dict(attributes)
        error_type = rest.pop(names.ERROR_TYPE, None)
        self._error_type = None if error_type is None else str(error_type)
        super()._set_attributes(rest)

    def _set_status(self, status: Status) -> None:
        pass  # the span's owner sees the same exception, and may handle it

    def _close_span(self, end_ns: int | None, *, waits: bool) -> int | None:
        left_ns = (time.time_ns() if end_ns is None else end_ns) if self._is_left else None
        return self._surrounding.settle(
            self._error_type, is_reported=self._is_reported, left_ns=left_ns, waits=waits
        )


def surrounding_span(request: Request) -> SurroundingSpan | None:
    """Return the current span, if another instrumentation has opened it for this call; else None."""
    current: Any = get_current_span()
    if not current.is_recording():
        return None
    current = getattr(current, "__wrapped__", current)  # OpenInference's spans are proxies
    attributes = getattr(current, "attributes", None)
    if not attributes or not _is_of(attributes, request):
        return None
    state: SurroundingSpan | None = getattr(current, _STATE, None)
    if state is None and not any(name in attributes for name in _OF_RESPONSES):
        try:
            state = SurroundingSpan(current)
        except AttributeError:  # it takes no stand-in for its end
            return None
    return state if state is not None and state.is_free else None


def _is_of(attributes: Mapping[str, Any], request: Request) -> bool:
    operation = _operation(attributes)
    if operation is None or _group(operation) != _group(request.endpoint.operation):
        return False
    model = attributes.get(names.REQUEST_MODEL) or attributes.get(names.OPENINFERENCE_MODEL)
    asked = [each for each in (request.model, request.body.get("model")) if isinstance(each, str) and each]
    return not model or not asked or any(_parts(str(model)) & _parts(each) for each in asked)


def _operation(attributes: Mapping[str, Any]) -> str | None:
    """Return what a span is about, in the conventions' words; None if it is no call of a model."""
    if (operation := attributes.get(names.OPERATION)) is not None:
        return str(operation)
    for name in (names.OPENINFERENCE_KIND, names.OPENLLMETRY_REQUEST_TYPE):
        if (kind := attributes.get(name)) is not None:
            return _OPERATIONS_OF_KINDS.get(str(kind), str(kind))
    return None


def _group(operation: str) -> str:
    return "text" if operation in names.TEXT_INFERENCES else operation


def _parts(model: str) -> set[str]:
    """Return the names in a model's name: "openai/gpt-4o", and "fallback:gpt-4o,o3", have several."""
    return {_VERSION.sub("", part) for part in _NAME_PARTS.findall(model.lower())}
