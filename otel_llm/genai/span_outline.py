"""A span, read in two steps: the cheap facts first, its call or its documents only if they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from otel_llm import names
from otel_llm.errors import DecodeError
from otel_llm.genai.answers import with_reasoning_apart
from otel_llm.genai.call import Call, Usage
from otel_llm.genai.dialects import MARKERS, Dialect, Fields, dialect_of, has_content, read_content
from otel_llm.genai.documents import read_documents
from otel_llm.genai.documents_of_call import documents_of_call
from otel_llm.genai.event_content import have_content, with_events
from otel_llm.genai.json_text import load_value
from otel_llm.genai.operations import Kind
from otel_llm.genai.problems import Problem, Source
from otel_llm.otlp.attributes import Attributes
from otel_llm.otlp.screen import check_ids
from otel_llm.otlp.span import parse_id_and_status, parse_resource, parse_span, parse_status

T = TypeVar("T")

_STATUS_ERROR: Final = 2  # opentelemetry-proto v1, trace.proto, Status.StatusCode


def is_genai(span: bytes) -> bool:
    """Return True if a serialized Span may be a GenAI span; False is certain."""
    for marker in MARKERS:  # noqa: SIM110 - runs for every span of a request, twice as fast as any()
        if marker in span:
            return True
    return False


def peek_status(span: bytes) -> tuple[bytes, bool]:
    """Return the trace id of a serialized Span, as bytes, and True if its status is an error.

    Raises:
        DecodeError: the bytes are no Span.
    """
    seen = parse_id_and_status(span)
    status: bytes = seen.status
    return seen.trace_id, bool(status) and parse_status(status).code == _STATUS_ERROR


def service_name(resource: bytes) -> str:
    """Return the service of a serialized Resource, or "unknown_service".

    Raises:
        DecodeError: the bytes are no Resource.
    """
    return Attributes(parse_resource(resource).attributes).text(names.SERVICE_NAME) or "unknown_service"


def read_span(span: bytes) -> SpanOutline:
    """Return the outline of a serialized Span.

    Raises:
        DecodeError: the bytes are no Span, or the Span has no id.
    """
    return SpanOutline(parse_span(span))


class SpanOutline:
    """A span whose content is not parsed yet."""

    __slots__ = (
        "_attributes",
        "_dialect",
        "_span",
        "dialect",
        "failed",
        "kind",
        "operation",
        "provider",
        "request_model",
        "span_id",
        "trace_id",
    )

    kind: Kind
    """A call to evaluate, a span with documents for the answers of its trace, or neither."""
    operation: str
    """The operation, as the conventions or the library call it."""
    provider: str
    request_model: str
    dialect: str
    """The name of the dialect; empty if the span is of no dialect."""

    def __init__(self, span: Any) -> None:
        """Read the cheap facts of a parsed Span.

        Raises:
            DecodeError: the Span has no id, or an attribute is malformed.
        """
        trace_id, span_id = span.trace_id, span.span_id
        check_ids(trace_id, span_id)
        self._span = span
        values = span.attributes
        self._attributes = attributes = Attributes(values)
        self._dialect = dialect = dialect_of(values)
        self.trace_id: str = trace_id.hex()
        """32 lowercase hex digits."""
        self.span_id: str = span_id.hex()
        """16 lowercase hex digits."""
        self.failed: bool = span.status.code == _STATUS_ERROR
        """True if the status of the span is an error."""
        self.kind, self.operation, self.provider, self.request_model, self.dialect = "other", "", "", "", ""
        if dialect:
            self._named(lambda: self._look(dialect, attributes))

    @property
    def has_content(self) -> bool:
        """True if the span or its events carry messages. False: log records may still bring them."""
        events = self._span.events
        return self._dialect is not None and (has_content(self._attributes, events) or have_content(events))

    def call(self, service: str) -> Call:
        """Return the call of a span of kind `call`.

        Raises:
            DecodeError: an attribute is no AnyValue; the message names the attribute and the span.
        """
        return self._named(lambda: _call(self, self._of_kind("call"), self._attributes, self._span, service))

    def documents(self) -> tuple[str, ...]:
        """Return the documents of a span of kind `context`.

        Raises:
            DecodeError: an attribute is no AnyValue; the message names the attribute and the span.
        """
        return self._named(lambda: self._of_kind("context").read_documents(self._attributes))

    def _look(self, dialect: Dialect, attributes: Attributes) -> None:
        self.dialect = dialect.name
        self.kind, self.operation = dialect.kind_and_operation(attributes)
        if self.kind == "call":
            self.provider = attributes.text(*dialect.fields.provider) or ""
            self.request_model = attributes.text(*dialect.fields.request_model) or ""

    def _of_kind(self, kind: Kind) -> Dialect:
        if self._dialect is None or self.kind != kind:
            raise ValueError(f"a span must be a {kind} for this, got {self.kind}")
        return self._dialect

    def _named(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (DecodeError, RecursionError) as error:
            raise DecodeError(f"span {self.span_id} of trace {self.trace_id}: {error}") from error


def _call(outline: SpanOutline, dialect: Dialect, attributes: Attributes, span: Any, service: str) -> Call:
    fields = dialect.fields
    content = with_events(read_content(dialect, attributes, span.events), span.events)
    messages, answers = with_reasoning_apart(content.input), with_reasoning_apart(content.output)
    explicit, document_problems = _explicit(attributes, fields)
    context = documents_of_call(explicit, messages, content.system)
    first_chunk_s = _first_chunk_s(dialect, attributes, span)
    return Call(
        trace_id=outline.trace_id,
        span_id=outline.span_id,
        service=service,
        operation=outline.operation,
        provider=outline.provider,
        request_model=outline.request_model,
        response_model=attributes.text(*fields.response_model),
        response_id=attributes.text(*fields.response_id),
        input=messages,
        output=answers,
        problems=content.problems + document_problems,
        system=content.system,
        question=context.question,
        documents=context.documents,
        documents_source=context.source,
        logprobs=attributes.numbers(*fields.logprobs),
        usage=Usage(
            input_tokens=attributes.integer(*fields.input_tokens),
            output_tokens=attributes.integer(*fields.output_tokens),
            cost_usd=attributes.number(*fields.cost_usd),
        ),
        start_ns=span.start_time_unix_nano,
        # a clock may step back, and histograms refuse a negative duration
        duration_s=max(0, span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        time_to_first_chunk_s=first_chunk_s,
        stream=attributes.flag(*fields.stream)
        or (dialect.is_stream is not None and dialect.is_stream(attributes)),
        conversation_id=attributes.text(*fields.conversation_id),
        user_id=attributes.text(*fields.user_id),
        prompt_name=attributes.text(*fields.prompt_name),
        prompt_version=attributes.text(*fields.prompt_version),
        error_type=attributes.text(*fields.error_type) or (_exception_type(span) if outline.failed else None),
    )


def _explicit(attributes: Attributes, fields: Fields) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return the documents of the call's own attribute, and what could not be read of them."""
    [name] = fields.documents
    source = Source(name, "documents")
    return read_documents(load_value(attributes.plain(name), source)), source.problems.found()


def _exception_type(span: Any) -> str:
    exceptions = (Attributes(event.attributes) for event in span.events if event.name == b"exception")
    types = (exception.text("exception.type") for exception in exceptions)
    return next((name for name in types if name), "_OTHER")


def _first_chunk_s(dialect: Dialect, attributes: Attributes, span: Any) -> float | None:
    seconds = attributes.number(*dialect.fields.time_to_first_chunk_s)
    if seconds is None and (milliseconds := attributes.number(*dialect.fields.time_to_first_chunk_ms)) is not None:
        seconds = milliseconds / 1000
    if seconds is None and dialect.first_chunk_event:
        times = [event.time_unix_nano for event in span.events if event.name == dialect.first_chunk_event]
        seconds = max(0, min(times) - span.start_time_unix_nano) / 1e9 if times else None
    return seconds
