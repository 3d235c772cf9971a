"""The content of one event of the GenAI conventions, which may be a log record or an event of the span itself.

Log records have the message in their body. Span events have its fields as attributes, JSON among them, as
strands-agents writes them; Azure's libraries have the whole message as JSON in `gen_ai.event.content`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.call import Message
from otel_llm.genai.dialects import genai
from otel_llm.genai.dialects.dialect import CallContent
from otel_llm.genai.json_text import load
from otel_llm.genai.messages import read_message
from otel_llm.genai.parts import is_part
from otel_llm.genai.problems import Source
from otel_llm.otlp.attributes import Attributes, parse_value, plain

_CHOICE: Final = "gen_ai.choice"
# the conventions before 1.37, "Semantic conventions for generative AI events"
_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    _CHOICE: "assistant",
}
_WHOLE: Final = "gen_ai.event.content"
_FIELDS: Final = ("role", "content", "parts", "message", "tool_calls", "finish_reason")
_FIELDS_SAID: Final = frozenset({"content", "parts", "tool_calls"})
_STRUCTURED: Final = ("content", "parts", "message", "tool_calls")
_DETAILS: Final = (names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.SYSTEM_INSTRUCTIONS)
_CONTENTS: Final = frozenset((*_DETAILS, *_STRUCTURED, _WHOLE))


def is_content_event(name: str) -> bool:
    """Return True if events of that name have content."""
    return name == names.EVENT_OPERATION_DETAILS or name in _ROLES


def read_event(name: str, attributes: Attributes, body: bytes = b"") -> CallContent:
    """Return the content of an event with a name of `is_content_event`; empty if the sender does not capture it.

    Args:
        name: the event's name.
        attributes: the event's attributes.
        body: the serialized body of a log record.

    Raises:
        DecodeError: an attribute or the body is no AnyValue.
    """
    if name == names.EVENT_OPERATION_DETAILS:
        return genai.read_content(_with_body(attributes, body))
    source = Source(f"{name}.body", "output" if name == _CHOICE else "input")
    message = _message(_body(body, source) or _fields(attributes, source), name, source)
    problems = source.problems.found()
    if name == _CHOICE:
        return CallContent(output=(message,), problems=problems)
    if message.role == "system":
        return CallContent(system=message.text, problems=problems)
    return CallContent(input=(message,) if message.parts else (), problems=problems)


def have_content(events: Sequence[Any]) -> bool:
    """Return True if events of a span have content."""
    return any(
        is_content_event(event.name.decode(errors="replace")) and not _CONTENTS.isdisjoint(event.attributes)
        for event in events
    )


def with_events(content: CallContent, events: Sequence[Any]) -> CallContent:
    """Return the content of a span with that of its events; what the span says in attributes stays.

    Raises:
        DecodeError: an attribute is no AnyValue.
    """
    if not events or (content.input and content.output and content.system):
        return content
    named = ((event.name.decode(errors="replace"), event.attributes) for event in events)
    read = [read_event(name, Attributes(values)) for name, values in named if is_content_event(name)]
    return CallContent(
        input=content.input or tuple(message for each in read for message in each.input),
        output=content.output or tuple(message for each in read for message in each.output),
        system=content.system or "\n".join(dict.fromkeys(each.system for each in read if each.system)),
        problems=content.problems + tuple(problem for each in read for problem in each.problems),
    )


def _with_body(attributes: Attributes, body: bytes) -> Attributes:
    """Return the attributes, or the fields of the body: for some versions, the messages were in the body."""
    if any(name in attributes for name in _DETAILS) or not body:
        return attributes
    pairs = parse_value(body, "body").kvlist_value.values
    return Attributes({pair.key: pair.value.SerializeToString() for pair in pairs})


def _body(data: bytes, source: Source) -> object:
    value = plain(parse_value(data, "body"))
    return _loaded(value, source) if isinstance(value, str) and value.startswith("{") else value


def _fields(attributes: Attributes, source: Source) -> object:
    """Return the message in the attributes of an event: the whole one, or its fields."""
    whole = attributes.plain(_WHOLE)
    if whole not in (None, ""):
        return _loaded(whole, source) if isinstance(whole, str) else whole
    return {
        name: _structure(name, value, source) if name in _STRUCTURED else value
        for name in _FIELDS
        if (value := attributes.plain(name)) is not None
    }


def _structure(name: str, value: object, source: Source) -> object:
    """Return the message, parts or tool calls in JSON; any other text is what was said, JSON or not."""
    if not isinstance(value, str) or not value.startswith(("[{", "{")):
        return value
    loaded = load(value)
    items = loaded.value if isinstance(loaded.value, list) else [loaded.value]
    is_message = name == "message" and isinstance(loaded.value, dict) and not _FIELDS_SAID.isdisjoint(loaded.value)
    if not (is_message or name == "tool_calls" or all(isinstance(item, dict) and is_part(item) for item in items)):
        return value
    loaded.note(source)
    return loaded.value


def _loaded(text: str, source: Source) -> object:
    loaded = load(text)
    if not loaded.value:
        return text
    loaded.note(source)
    return loaded.value


def _message(body: object, name: str, source: Source) -> Message:
    if isinstance(body, str):
        body = {"content": body}
    body = body or {}
    if name == _CHOICE and isinstance(body, dict):
        said = body.get("message")
        # some instrumentations write the fields of the message into the choice itself
        message = said if isinstance(said, dict) else body if said is None else {"content": said}
        body = message | ({"finish_reason": body["finish_reason"]} if body.get("finish_reason") else {})
    if isinstance(body, dict):
        body = {"role": _ROLES[name], "content": None} | body
    return read_message(body, source)
