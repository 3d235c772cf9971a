"""Messages in the conventions' schema: `[{"role": ..., "parts": [{"type": ..., ...}]}]`.

Source: gen-ai-input-messages.json and gen-ai-output-messages.json of the GenAI semantic conventions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from otel_llm.errors import DecodeError
from otel_llm.receive.call import Message, Part

Item = TypeVar("Item")


def read_messages(value: object, where: str) -> tuple[Message, ...]:
    """Return the messages of an attribute's value; None is no messages.

    Raises:
        DecodeError: the value is not of the schema; the message names the place, starting with `where`.
    """
    return tuple(_each(value, where, _message))


def read_instructions(value: object, where: str) -> str:
    """Return system instructions, a list of parts, as one text; None is no instructions.

    Raises:
        DecodeError: as of `read_messages`.
    """
    return "\n".join(part.text for part in _each(value, where, _part) if part.type == "text")


def _each(value: object, where: str, read: Callable[[object], Item]) -> list[Item]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DecodeError(f"{where} must be a list, got {_kind(value)}")
    items = []
    for item in value:
        try:
            items.append(read(item))
        except DecodeError as error:
            # the path is put together on the way out: for the many that are well-formed it would be wasted work
            raise DecodeError(f"{where}[{len(items)}]{error}") from error
    return items


def _message(value: object) -> Message:
    if not isinstance(value, dict):
        raise DecodeError(f" must be an object, got {_kind(value)}")
    finish_reason = value.get("finish_reason")
    return Message(
        _string(value, "role"),
        tuple(_each(value.get("parts"), ".parts", _part)),
        None if finish_reason is None else _string(value, "finish_reason"),
    )


def _part(value: object) -> Part:
    if not isinstance(value, dict):
        raise DecodeError(f" must be an object, got {_kind(value)}")
    match kind := _string(value, "type"):
        case "text" | "reasoning":
            return Part(kind, _string(value, "content"))
        case "tool_call":
            return Part(kind, as_text(value.get("arguments")), _string(value, "name"))
        case "tool_call_response":
            # `result` until version 1.37 of the conventions, `response` since
            return Part(kind, as_text(value.get("response", value.get("result"))))
        case _:
            return Part("other", "")


def as_text(value: object) -> str:
    """Return a text as it is, None as an empty one, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _string(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise DecodeError(f".{name} must be a text, got {_kind(value)}")
    return value


def _kind(value: object) -> str:
    # the value itself may be private content, and these messages travel to the sender's logs
    return "nothing" if value is None else type(value).__name__
