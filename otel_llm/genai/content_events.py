"""Content that comes apart from its span: log records of the GenAI conventions, current and before 1.37."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from otel_llm import names
from otel_llm.errors import DecodeError
from otel_llm.genai.call import Message
from otel_llm.genai.chat_messages import read_chat_message
from otel_llm.genai.dialects import genai
from otel_llm.otlp.attributes import Attributes, load_json, parse_value, plain
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
    """What one log record says of a call."""

    trace_id: str
    """32 lowercase hex digits."""
    span_id: str
    """16 lowercase hex digits."""
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    system: str = ""


class Unread(NamedTuple):
    """A log record with content that could not be read."""

    resource: bytes
    """The serialized Resource."""
    record: bytes
    reason: str


def read_content_events(body: bytes) -> tuple[list[ContentEvent], list[Unread]]:
    """Return the content in an ExportLogsServiceRequest, and the records with content that could not be read.

    Raises:
        DecodeError: the body is no such request.
    """
    events: list[ContentEvent] = []
    unread: list[Unread] = []
    for resource, record in read_log_records(body):
        if _MARKER not in record:
            continue
        try:
            event = _read(record)
        except (DecodeError, RecursionError) as error:
            unread.append(Unread(resource, record, f"a log record: {error}"))
        else:
            if event:
                events.append(event)
    return events, unread


def _read(data: bytes) -> ContentEvent | None:
    record = parse_log_record(data)
    attributes = Attributes(record.attributes)
    # before 1.37 of the conventions an event's name was an attribute
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
        return ContentEvent(*ids, content.input, content.output, content.system)
    message = _message(_body(record.body), name)
    if name == _CHOICE:
        return ContentEvent(*ids, output=(message,))
    if not message.parts:
        return ContentEvent(*ids)  # content is not captured there
    return ContentEvent(*ids, system=message.text) if message.role == "system" else ContentEvent(*ids, (message,))


def _with_body(attributes: Attributes, body: bytes) -> Attributes:
    """Return the attributes, or where they have no messages the body: it was there for a while in between."""
    if names.INPUT_MESSAGES in attributes or names.OUTPUT_MESSAGES in attributes or not body:
        return attributes
    pairs = parse_value(body, "body").kvlist_value.values
    return Attributes({pair.key: pair.value.SerializeToString() for pair in pairs})


def _body(data: bytes) -> object:
    value = plain(parse_value(data, "body"))
    return load_json(value, "body") if isinstance(value, str) and value.startswith("{") else value


def _message(body: object, name: str) -> Message:
    role = _ROLES[name]
    if isinstance(body, str):
        body = {"content": body}
    body = body or {}
    if name == _CHOICE and isinstance(body, dict):
        said = body.get("message")
        # some instrumentations have the message's fields in the choice itself
        message = said if isinstance(said, dict) else {"content": said} if isinstance(said, str) else body
        body = message | ({"finish_reason": body["finish_reason"]} if body.get("finish_reason") else {})
    return read_chat_message(body, "body", role)
