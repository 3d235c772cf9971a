"""Messages in the form of the providers' APIs: `[{"role": ..., "content": ..., "tool_calls": [...]}]`.

Libraries that put requests and responses unchanged on spans write this form, each with its own spellings:
`tool-call` and `tool_call`, `input` and `arguments`. Items with `parts` are read by the conventions' schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otel_llm.errors import DecodeError
from otel_llm.genai.call import Message, Part
from otel_llm.genai.messages import as_text, each, kind_of, read_message, string_of
from otel_llm.otlp.attributes import load_json

_TEXTS: Final = frozenset({"text", "input_text", "output_text", "refusal"})
_REASONING: Final = frozenset({"reasoning", "thinking"})
_CALLS: Final = frozenset({"tool_call", "tool-call", "tool_use"})
_RESULTS: Final = frozenset({"tool_call_response", "tool-result", "tool_result"})
_ARGUMENTS: Final = ("arguments", "input", "args")
_CONTENTS: Final = ("output", "result", "response", "content")
_TEXT_KEYS: Final = ("text", "content", "refusal", "thinking", "reasoning")


def read_chat_messages(value: object, where: str) -> tuple[Message, ...]:
    """Return the messages of a list; None is no messages.

    Raises:
        DecodeError: the value is not of this form; the message names the place, starting with `where`.
    """
    return tuple(each(value, where, _chat_message))


def read_chat_message(value: object, where: str, role: str = "") -> Message:
    """Return one message, with `role` if the message has no role.

    Raises:
        DecodeError: as in `read_chat_messages`.
    """
    try:
        if isinstance(value, dict) and role:
            value = {"role": role} | value
        return _chat_message(value)
    except DecodeError as error:
        raise DecodeError(f"{where}{error}") from error


def read_content(value: object, role: str, where: str = ".content") -> tuple[Part, ...]:
    """Return the parts of a message's content, which is a text, a list of parts, or None.

    Raises:
        DecodeError: as in `read_chat_messages`.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return (Part("tool_call_response" if role == "tool" else "text", value),)
    return tuple(each([value] if isinstance(value, dict) else value, where, _part))


def read_tool_calls(value: object, where: str = ".tool_calls") -> tuple[Part, ...]:
    """Return tool calls, written as a function inside a call or as the call itself.

    Raises:
        DecodeError: as in `read_chat_messages`.
    """
    return tuple(each(value, where, _tool_call))


def parts_in_text(text: str, role: str) -> tuple[Part, ...]:
    """Return the parts in a text that is a JSON list of typed parts; any other text is one part."""
    if not text.startswith('[{"'):
        return read_content(text, role)
    try:
        return read_content(load_json(text, "content"), role)
    except DecodeError:
        return read_content(text, role)  # the user wrote text that only looks like JSON


def _chat_message(value: object) -> Message:
    if not isinstance(value, dict):
        raise DecodeError(f" must be an object, got {kind_of(value)}")
    if "parts" not in value:
        message = read_message({"role": value.get("role"), "finish_reason": value.get("finish_reason")})
        parts = read_content(value.get("content"), message.role)
    else:
        message = read_message(value)
        # LiteLLM writes the answer of a tool as a text part
        parts = _as_results(message.parts) if message.role == "tool" else message.parts
    return Message(message.role, parts + read_tool_calls(value.get("tool_calls")), message.finish_reason)


def _as_results(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(Part("tool_call_response", part.text) if part.type == "text" else part for part in parts)


def _part(value: object) -> Part:
    if isinstance(value, str):
        return Part("text", value)
    if not isinstance(value, dict):
        raise DecodeError(f" must be an object, got {kind_of(value)}")
    kind = string_of(value, "type")
    if kind in _TEXTS:
        return Part("text", _first_text(value))
    if kind in _REASONING:
        return Part("reasoning", _first_text(value))
    if kind in _CALLS:
        return _tool_call(value)
    if kind in _RESULTS:
        return Part("tool_call_response", _result(_first(value, _CONTENTS)))
    return Part("other", "")


def _tool_call(value: object) -> Part:
    if not isinstance(value, dict):
        raise DecodeError(f" must be an object, got {kind_of(value)}")
    call = value.get("function", value)
    if not isinstance(call, dict):
        raise DecodeError(f".function must be an object, got {kind_of(call)}")
    name = "toolName" if "toolName" in call else "name"
    return Part("tool_call", as_text(_first(call, _ARGUMENTS)), string_of(call, name))


def _result(value: object) -> str:
    # Vercel's AI SDK: {"type": "text" | "json", "value": ...}
    return as_text(value["value"] if isinstance(value, dict) and {"type", "value"} <= value.keys() else value)


def _first_text(value: Mapping[str, object]) -> str:
    name = next((name for name in _TEXT_KEYS if name in value), "text")
    return string_of(value, name)


def _first(value: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((value[name] for name in names if name in value), None)
