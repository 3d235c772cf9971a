"""Content on its way to spans and events: by default nothing of it goes anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.config.instrument import InstrumentSettings
from otel_llm.instrument import content
from otel_llm.instrument.fields import Content, Message, Request
from otel_llm.instrument.guard import guarded


class Capture:
    """Reads and records the content of calls, where the settings ask for it."""

    def __init__(self, settings: InstrumentSettings, events: Logger) -> None:
        self._on_span = settings.capture_content.on_span
        self._on_event = settings.capture_content.on_event
        self._limit = settings.content_limit
        self._events = events

    def asked(self, span: Span, request: Request) -> Content | None:
        """Return what is asked, read now, as the app may change it later; None where it is not to be recorded."""
        if not self._on_event and not (self._on_span and span.is_recording()):
            return None
        return self._read(request)

    @guarded("reading content")
    def _read(self, request: Request) -> Content:
        return request.endpoint.read_content(request.body)

    @guarded("recording content")
    def record(
        self,
        span: Span,
        asked: Content,
        read_answer: Callable[[], list[Message]],
        attributes: Mapping[str, AttributeValue],
    ) -> None:
        """Record a call's content on its span and on an event, which has the call's attributes too."""
        parts = {
            names.INPUT_MESSAGES: asked.messages,
            names.OUTPUT_MESSAGES: read_answer(),
            names.SYSTEM_INSTRUCTIONS: asked.system,
            names.TOOL_DEFINITIONS: asked.tools,
        }
        parts = {name: part for name, part in parts.items() if part}
        if self._on_span:
            span.set_attributes({name: content.to_json(part, self._limit) for name, part in parts.items()})
        if self._on_event:
            structures = {name: content.cut(part, self._limit) for name, part in parts.items()}
            self._events.emit(
                event_name=names.EVENT_OPERATION_DETAILS,
                severity_number=SeverityNumber.DEBUG,
                context=set_span_in_context(span, Context()),
                attributes={**attributes, **structures},
            )
