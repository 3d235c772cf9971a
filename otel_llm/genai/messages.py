"""Messages, in the conventions' schema and as the providers' APIs write them.

The conventions: `[{"role": …, "parts": [{"type": …, …}]}]`. The APIs: `[{"role": …, "content": …}]`. Libraries
write more: one message without the list, texts alone, JSON inside JSON, JSON that was cut. All of it is read as
far as it goes: what cannot be read is a problem of its source, and costs nothing beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from otel_llm.genai.call import Message, Part
from otel_llm.genai.json_text import Loaded, load
from otel_llm.genai.parts import are_parts, first_said, is_part, kind_of_part, read_parts, read_tool_calls
from otel_llm.genai.problems import Problems, Side, Source
from otel_llm.genai.roles import known_role, role_of
from otel_llm.names.finish_reasons import finish_reason_of
from otel_llm.otlp.attributes import Attributes

_MAX_DEPTH: Final = 8
"""Lists in lists, and JSON in JSON, that are looked into."""
_JSON_STARTS: Final = ("[", "{", '"')
_CONTENTS: Final = ("parts", "content", "contents", "blocks", "text")
_CALLS: Final = ("tool_calls", "toolCalls", "function_call")
_LISTS: Final = ("messages", "choices", "candidates", "contents", "input", "output")
"""Keys with the messages of a whole request or response, of OpenAI's, Gemini's and Bedrock's APIs."""
_REASONS: Final = ("finish_reason", "finishReason", "stop_reason", "stopReason")
_WRAPPERS: Final = ("message", "delta", "data", "kwargs")
"""Keys with the message itself: a choice of OpenAI's, and LangChain's two forms of a message as JSON."""
_BYTE_ORDER_MARK: Final = "\ufeff"
_ROLE_OF_KIND: Final = {"tool_call": "assistant", "reasoning": "assistant", "tool_call_response": "tool"}


def read_attribute(attributes: Attributes, name: str, side: Side, problems: Problems) -> tuple[Message, ...]:
    """Return the messages of an attribute; empty if it is not there.

    Raises:
        DecodeError: the bytes of the attribute are no AnyValue.
    """
    return read_messages(attributes.plain(name), Source(name, side, problems))


def read_messages(value: object, source: Source) -> tuple[Message, ...]:
    """Return the messages in a value; None has none."""
    try:
        return tuple(_messages(value, source, 0))
    except RecursionError:
        source.problem("malformed")
        return ()


def read_message(value: object, source: Source) -> Message:
    """Return the one message of a value, without parts if it has none."""
    return next(iter(read_messages(value, source)), Message(source.role, ()))


def read_instructions(value: object, source: Source) -> str:
    """Return system instructions as one text: a text, parts, or messages; None is no instructions."""
    messages = read_messages(value, source)
    return "\n".join(part.text for message in messages for part in message.parts if part.type == "text")


def messages_in_json(text: str, source: Source) -> tuple[Message, ...]:
    """Return the messages in JSON text; empty if it has none, or is no JSON."""
    loaded = load(text)
    if not _holds_messages(loaded, 1):
        return ()
    loaded.note(source)
    return read_messages(loaded.value, source)


def parts_in_text(text: str, role: str, source: Source) -> tuple[Part, ...]:
    """Return the parts in a text that is a JSON list of parts with a type; any other text is one part."""
    if text.startswith('[{"'):
        loaded = load(text)
        items = loaded.value
        if isinstance(items, list) and are_parts(items):
            loaded.note(source)
            return read_parts(items, role, source)
    return read_parts(text, role, source)  # the user may write a text that only looks like JSON


def _messages(value: object, source: Source, depth: int) -> list[Message]:
    match value:
        case dict() if depth < _MAX_DEPTH and (inside := _inside(value)) is not None:
            return _messages(inside, source, depth + 1)
        case dict() if _has_role(value) or _is_message(value) or kind_of_part(value):
            return [_message(value, source)]
        case list() if depth < _MAX_DEPTH:
            return [message for item in value for message in _of_item(item, source, depth + 1)]
        case str():
            return _in_text(value, source, depth)
    if value is not None and value != {}:  # nothing is left of a message that was cut
        source.problem("message" if depth else "malformed")
    return []


def _of_item(item: object, source: Source, depth: int) -> list[Message]:
    """Return the messages of an item of a list."""
    if isinstance(item, bool | int | float):
        return [Message(source.role, (Part("text", json.dumps(item)),))]
    if item is None:
        source.problem("message")
    return _messages(item, source, depth)


def _in_text(text: str, source: Source, depth: int) -> list[Message]:
    """Return the messages of JSON text; any other text is a message."""
    if not depth and text.strip() == "null":  # a value that was not there, as JSON
        return []
    text = text.removeprefix(_BYTE_ORDER_MARK)
    begin = text.lstrip()[:1]
    if begin in _JSON_STARTS and depth < _MAX_DEPTH:
        loaded = load(text)
        if _holds_messages(loaded, depth):
            loaded.note(source)
            # JSON in JSON is as deep as the outer text: each time there is less of it
            return _messages(loaded.value, source, depth + (not isinstance(loaded.value, str)))
    return [Message(source.role, (Part("text", text),))] if begin else []


def _holds_messages(loaded: Loaded, depth: int) -> bool:
    """Return False if the JSON is what a model or a user wrote: data, or a text that only looks like JSON."""
    match loaded.value:
        case str() as inner:
            return inner.lstrip()[:1] in _JSON_STARTS or (depth == 0 and loaded.problem is None)
        case dict() as value:
            return _is_message(value) or _inside(value) is not None or not value
        case list() as items:
            if any(isinstance(item, dict | list) and _holds_messages(Loaded(item), 1) for item in items):
                return True
            return depth == 0 and loaded.problem != "malformed" and all(isinstance(item, str) for item in items)
    return False


def _has_role(value: Mapping[str, object]) -> bool:
    if isinstance(value.get("role"), str):
        return True
    # the messages of Spring AI and of LangChain4j
    is_said = any(name in value for name in _CONTENTS)
    return is_said and known_role(value.get("messageType") or value.get("type")) is not None


def _is_message(value: Mapping[str, object]) -> bool:
    return (
        _has_role(value)
        or any(name in value for name in ("parts", "content", *_CALLS))
        or _inner(value) is not None
        or is_part(value)
    )


def _inner(value: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the message inside a choice, or inside a message as LangChain writes it; None without one."""
    for name in _WRAPPERS:
        inner = value.get(name)
        if isinstance(inner, dict) and (name == "message" or "content" in inner):
            return inner
    content = value.get("content")  # a candidate of Gemini's
    return content if isinstance(content, dict) and "parts" in content else None


def _inside(value: Mapping[str, object]) -> object:
    """Return the messages of a whole request or response; None if the value is no such object."""
    for name in _LISTS:
        inside = value.get(name)
        if name == "messages" and isinstance(inside, list):
            return inside
        items = inside if isinstance(inside, list) else [inside]
        if items and any(isinstance(item, dict) and _is_whole(item) for item in items):
            return inside
    return None


def _is_whole(item: Mapping[str, object]) -> bool:
    """Return True if an item of a response is a message beyond doubt."""
    return _inner(item) is not None or (
        known_role(item.get("role")) is not None and any(name in item for name in _CONTENTS)
    )


def _message(value: Mapping[str, object], source: Source) -> Message:
    content, inner = first_said(value, _CONTENTS), _inner(value)
    if inner and (content is None or content is inner):
        given = {name: value[name] for name in ("role", "type", *_REASONS) if value.get(name)}
        return _message({**inner, **given}, source)
    said = value.get("role") or known_role(value.get("messageType") or value.get("type"))
    role = role_of(said) if said and isinstance(said, str) else ""
    if content is None and not role and (kind := kind_of_part(value)):
        role = _ROLE_OF_KIND.get(kind, source.role)
        return Message(role, read_parts([value], role, source))
    role = role or source.role
    is_text = isinstance(content, str)
    parts = parts_in_text(str(content), role, source) if is_text else read_parts(content, role, source)
    if isinstance(refusal := value.get("refusal"), str) and refusal:
        parts += (Part("text", refusal, refusal=True),)
    for name in _CALLS:
        if name in value:
            parts += read_tool_calls(value[name], source)
    reason = first_said(value, _REASONS)
    return Message(role, parts, finish_reason_of(reason if isinstance(reason, str) else None))
