"""Messages in the conventions' schema: `[{"role": ..., "parts": [{"type": ..., ...}]}]`.

Source: gen-ai-input-messages.json and gen-ai-output-messages.json of the GenAI semantic conventions. Messages in
the form of the providers' APIs: `chat_messages.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from otel_llm.errors import DecodeError
from otel_llm.genai.call import Message, Part
from otel_llm.names.finish_reasons import finish_reason_of

Item = TypeVar("Item")


def read_messages(value: object, where: str) -> tuple[Message, ...]:
    """Return the messages of an attribute's value; None is no messages.

    Raises:
        DecodeError: the value is not of the schema; the message names the place, starting with `where`.
    """
    return tuple(each(value, where, read_message))


def read_instructions(value: object, where: str) -> str:
    """Return system instructions, a list of parts, as one text; None is no instructions.

    Raises:
        DecodeError: as in `read_messages`.
    """
    return "\n".join(part.text for part in each(value, where, read_part) if part.type == "text")


def each(value: object, where: str, read: Callable[[object], Item]) -> list[Item]:
    """Return the result of `read` for each item of a list; None is an empty list.

    Raises:
        DecodeError: the value is no list, or `read` raised one; the message names the item, starting with `where`.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise DecodeError(f"{where} must be a list, got {kind_of(value)}")
    items = []
    for item in value:
        try:
            items.append(read(item))
        except DecodeError as error:
            # build the path only in case of an error: most items are well-formed
            raise DecodeError(f"{where}[{len(items)}]{error}") from error
    return items


def read_message(value: object) -> Message:
    """Return one message.

    Raises:
        DecodeError: the value is not of the schema; the message continues the name of the message.
    """
    if not isinstance(value, dict):
        raise DecodeError(f" must be an object, got {kind_of(value)}")
    finish_reason = value.get("finish_reason")
    return Message(
        string_of(value, "role"),
        tuple(each(value.get("parts"), ".parts", read_part)),
        None if finish_reason is None else finish_reason_of(string_of(value, "finish_reason")),
    )


def read_part(value: object) -> Part:
    """Return one part of a message.

    Raises:
        DecodeError: as in `read_message`.
    """
    if not isinstance(value, dict):
        raise DecodeError(f" must be an object, got {kind_of(value)}")
    match kind := string_of(value, "type"):
        case "text" | "reasoning":
            # LiteLLM passes `text` through from the request
            return Part(kind, string_of(value, "content" if "content" in value or "text" not in value else "text"))
        case "tool_call":
            return Part(kind, as_text(value.get("arguments")), string_of(value, "name"))
        case "tool_call_response":
            # `result` until version 1.37 of the conventions, then `response`
            return Part(kind, as_text(value.get("response", value.get("result"))))
        case _:
            return Part("other", "")


def as_text(value: object) -> str:
    """Return a text as it is, None as an empty text, any other value as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def string_of(fields: Mapping[str, object], name: str) -> str:
    """Return the text of the field `name`.

    Raises:
        DecodeError: the field is missing or is no text.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise DecodeError(f".{name} must be a text, got {kind_of(value)}")
    return value


def kind_of(value: object) -> str:
    """Return the type of a value, for the message of an error."""
    # never the value: it may be private, and the message goes to the sender's log
    return "nothing" if value is None else type(value).__name__
