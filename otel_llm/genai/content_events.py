"""Content in log records instead of the span: events of the GenAI conventions, current and before 1.37."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from otel_llm.errors import DecodeError
from otel_llm.genai.answers import with_reasoning_apart
from otel_llm.genai.call import Message
from otel_llm.genai.event_content import is_content_event, read_event
from otel_llm.genai.problems import Problem
from otel_llm.otlp.attributes import Attributes
from otel_llm.otlp.screen import check_ids
from otel_llm.otlp.span import parse_log_record, read_log_records

_MARKER: Final = b"gen_ai."


@dataclass(frozen=True, slots=True)
class ContentEvent:
    """The content of a call in one log record."""

    trace_id: str
    """32 lowercase hex digits."""
    span_id: str
    """16 lowercase hex digits."""
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    system: str = ""
    problems: tuple[Problem, ...] = ()
    """What could not be read of the content."""


class UnreadRecord(NamedTuple):
    """A log record with content that could not be read."""

    resource: bytes
    """The serialized Resource."""
    record: bytes
    reason: str


def read_content_events(body: bytes) -> tuple[list[ContentEvent], list[UnreadRecord]]:
    """Return the content in an ExportLogsServiceRequest, and the records whose content cannot be read.

    Raises:
        DecodeError: the body is no ExportLogsServiceRequest.
    """
    events: list[ContentEvent] = []
    unread: list[UnreadRecord] = []
    for resource, record in read_log_records(body):
        if _MARKER not in record:
            continue
        try:
            event = _read(record)
        except (DecodeError, RecursionError) as error:
            unread.append(UnreadRecord(resource, record, f"a log record: {error}"))
        else:
            if event:
                events.append(event)
    return events, unread


def _read(data: bytes) -> ContentEvent | None:
    record = parse_log_record(data)
    attributes = Attributes(record.attributes)
    # before version 1.37 of the conventions, the name of an event was an attribute
    name = record.event_name.decode(errors="replace") or attributes.text("event.name") or ""
    if not is_content_event(name):
        return None
    try:
        content = read_event(name, attributes, record.body)
    except DecodeError as error:
        raise DecodeError(f"{name}: {error}") from error
    if not (content.input or content.output or content.system or content.problems):
        return None
    check_ids(record.trace_id, record.span_id)
    return ContentEvent(
        record.trace_id.hex(),
        record.span_id.hex(),
        with_reasoning_apart(content.input),
        with_reasoning_apart(content.output),
        content.system,
        content.problems,
    )
