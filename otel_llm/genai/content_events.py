"""Content in log records instead of the span: events of the GenAI conventions, current and before 1.37."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from otel_llm import names
from otel_llm.errors import DecodeError
from otel_llm.genai.answers import with_reasoning_apart
from otel_llm.genai.call import Message
from otel_llm.genai.dialects import genai
from otel_llm.genai.json_text import load
from otel_llm.genai.messages import read_message
from otel_llm.genai.problems import Problem, Source
from otel_llm.otlp.attributes import Attributes, parse_value, plain
from otel_llm.otlp.screen import check_ids
from otel_llm.otlp.span import parse_log_record, read_log_records

_MARKER: Final = b"gen_ai."
_CHOICE: Final = "gen_ai.choice"
# the conventions before 1.37, "Semantic conventions for generative AI events"
_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    _CHOICE: "assistant",
}


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
    if name != names.EVENT_OPERATION_DETAILS and name not in _ROLES:
        return None
    try:
        event = _event(record, name, attributes)
    except DecodeError as error:
        raise DecodeError(f"{name}: {error}") from error
    if not (event.input or event.output or event.system):
        return None
    check_ids(record.trace_id, record.span_id)
    return event


def _event(record: Any, name: str, attributes: Attributes) -> ContentEvent:
    ids = record.trace_id.hex(), record.span_id.hex()
    if name == names.EVENT_OPERATION_DETAILS:
        content = genai.read_content(_with_body(attributes, record.body))
        content = replace(
            content, input=with_reasoning_apart(content.input), output=with_reasoning_apart(content.output)
        )
        return ContentEvent(*ids, content.input, content.output, content.system, content.problems)
    source = Source(f"{name}.body", "output" if name == _CHOICE else "input")
    message = _message(_body(record.body), name, source)
    problems = source.problems.found()
    if name == _CHOICE:
        return ContentEvent(*ids, output=with_reasoning_apart([message]), problems=problems)
    if not message.parts:
        return ContentEvent(*ids, problems=problems)  # the sender does not capture content
    if message.role == "system":
        return ContentEvent(*ids, system=message.text, problems=problems)
    return ContentEvent(*ids, with_reasoning_apart([message]), problems=problems)


def _with_body(attributes: Attributes, body: bytes) -> Attributes:
    """Return the attributes, or the fields of the body: for some versions, the messages were in the body."""
    if names.INPUT_MESSAGES in attributes or names.OUTPUT_MESSAGES in attributes or not body:
        return attributes
    pairs = parse_value(body, "body").kvlist_value.values
    return Attributes({pair.key: pair.value.SerializeToString() for pair in pairs})


def _body(data: bytes) -> object:
    value = plain(parse_value(data, "body"))
    return load(value).value or value if isinstance(value, str) and value.startswith("{") else value


def _message(body: object, name: str, source: Source) -> Message:
    if isinstance(body, str):
        body = {"content": body}
    body = body or {}
    if name == _CHOICE and isinstance(body, dict):
        said = body.get("message")
        # some instrumentations write the fields of the message into the choice itself
        message = said if isinstance(said, dict) else {"content": said} if isinstance(said, str) else body
        body = message | ({"finish_reason": body["finish_reason"]} if body.get("finish_reason") else {})
    if isinstance(body, dict):
        body = {"role": _ROLES[name], "content": None} | body
    return read_message(body, source)
