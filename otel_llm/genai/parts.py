"""The parts of a message, in the conventions' schema and as the providers' APIs write them.

A part says its kind by `type` or, without one, by its keys: Bedrock's `{"toolUse": …}`, Gemini's
`{"functionCall": …}`. A part that cannot be read is of the type `other`, and the parts beside it are read.

Source: gen-ai-input-messages.json and gen-ai-output-messages.json of the GenAI semantic conventions; the APIs'
references.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_llm.genai.call import Part, PartType
from otel_llm.genai.json_text import load
from otel_llm.genai.problems import Source

_KINDS: Final[Mapping[str, PartType]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "refusal"), "text"),
    **dict.fromkeys(("reasoning", "thinking", "thought", "reasoning_text", "summary_text"), "reasoning"),
    **dict.fromkeys(
        (
            "tool_call", "tool_use", "function_call", "custom_tool_call", "server_tool_call", "server_tool_use",
            "mcp_call", "mcp_tool_use",
        ),
        "tool_call",
    ),
    **dict.fromkeys(
        (
            "tool_call_response", "tool_result", "function_call_output", "custom_tool_call_output",
            "server_tool_call_response", "mcp_tool_result",
        ),
        "tool_call_response",
    ),
}  # fmt: skip
"""Values of `type`, with `_` for `-`."""
_KINDS_BY_END: Final[Mapping[str, PartType]] = {
    "_call": "tool_call",
    "_tool_use": "tool_call",
    "_tool_result": "tool_call_response",
    "_call_output": "tool_call_response",
}
"""Ends of the other values of `type`: `web_search_call`, `web_search_tool_result`. All others are `other`."""
_SERVER_CALLS: Final = ("server_tool_call", "server_tool_call_response")
"""Keys of the conventions with the call of a tool that the provider runs, and with its result."""
_SIGNS: Final[Mapping[str, PartType]] = {
    **dict.fromkeys(("toolUse", "functionCall", "function_call", "tool_use", "function"), "tool_call"),
    **dict.fromkeys(("toolResult", "functionResponse", "function_response", "tool_result"), "tool_call_response"),
    **dict.fromkeys(("reasoningContent", "reasoning_content", "thinking", "reasoning"), "reasoning"),
    **dict.fromkeys(
        (
            "image", "inlineData", "inline_data", "fileData", "file_data", "document", "video", "audio",
            "image_url", "input_audio", "file", "executableCode", "executable_code", "codeExecutionResult",
            "code_execution_result", "cachePoint", "citationsContent",
        ),
        "other",
    ),
    **dict.fromkeys(("text", "refusal", "content", "guardContent"), "text"),
}  # fmt: skip
"""Keys that say what a part without `type` is, the first that it has."""
_MEDIA: Final = frozenset(sign for sign, kind in _SIGNS.items() if kind == "other") | {"source", "uri", "data"}
"""Keys of parts that are media."""
_TEXTS: Final = (
    "content", "text", "thinking", "reasoning", "value", "reasoningText", "reasoningContent",
    "reasoning_content", "guardContent", "summary",
)  # fmt: skip
_NAMES: Final = ("name", "toolName", "tool_name")
_ARGUMENTS: Final = ("arguments", "input", "args", "parameters", "action", "operation", "queries", "code")
_RESULTS: Final = ("response", "result", "output", "content", "outputs", "results")
_NESTED: Final = (
    "function", "toolUse", "functionCall", "function_call", "tool_use", "toolResult", "functionResponse",
    "function_response", "tool_result", *_SERVER_CALLS,
)  # fmt: skip


def read_parts(value: object, role: str, source: Source) -> tuple[Part, ...]:
    """Return the parts of a message's content: a text, a part, a list of parts, or None.

    A text that the message of a tool has is the tool's result. A text without content is no part.
    """
    items = map(_loaded, value) if isinstance(value, list) else [value]
    parts = tuple(part for item in items if item is not None and (part := read_part(item, source)))
    if role != "tool":
        return parts
    return tuple(Part("tool_call_response", part.text) if part.type == "text" else part for part in parts)


def read_part(value: Any, source: Source) -> Part | None:
    """Return one part; None if it is a text or reasoning that says nothing: the sender left the content out."""
    if isinstance(value, str | int | float):
        return Part("text", as_text(value))
    kind = kind_of_part(value) if isinstance(value, dict) else None
    match kind:
        case "tool_call":
            return read_tool_call(value, source)
        case "tool_call_response":
            inner = _inner(value)
            return Part(kind, _result(_said(inner, _RESULTS, value)))
        case "text" | "reasoning":
            return _text_part(value, kind)
        case None:
            source.problem("part")
    return Part("other", "")


def _text_part(value: Mapping[str, object], kind: PartType) -> Part | None:
    refusal = value.get("refusal")
    said = first_said(value, _TEXTS)
    if said is None and isinstance(refusal, str):
        said = refusal
    return (
        Part(kind, text_of(said), refusal=value.get("type") == "refusal" or bool(refusal))
        if said not in (None, "")
        else None
    )


def kind_of_part(value: Mapping[str, object]) -> PartType | None:
    """Return the type of a part by its `type` or its keys; None if nothing says it."""
    if isinstance(said := value.get("type"), str):
        kind = _KINDS.get(said) or _kind_of_word(said.lower().replace("-", "_"))
        if kind or said != "function":
            return kind or "other"
    if value.get("thought") is True and "text" in value:
        return "reasoning"  # Gemini's
    sign = next((sign for sign in _SIGNS if sign in value), None)
    if sign:
        return _SIGNS[sign]
    return "tool_call" if first_said(value, _NAMES) and first_said(value, _ARGUMENTS) is not None else None


def read_tool_calls(value: object, source: Source) -> tuple[Part, ...]:
    """Return tool calls, written as a function inside a call or as the call itself; None is no tool calls."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(read_tool_call(item, source) for item in items)


def read_tool_call(value: object, source: Source) -> Part:
    """Return one tool call, which may lack its name or its arguments."""
    if not isinstance(value, dict):
        source.problem("part")
        return Part("other", "")
    call = _inner(value)
    name = first_said(call, _NAMES) or first_said(value, _NAMES)
    return Part("tool_call", as_text(_said(call, _ARGUMENTS, value)), name if isinstance(name, str) else "")


def is_part(value: Mapping[str, object]) -> bool:
    """Return True if an object is a part beyond doubt: by its `type`, or by its only key."""
    said = value.get("type")
    if isinstance(said, str) and said.lower().replace("-", "_") in _KINDS:
        return True
    return len(value) == 1 and not _SIGNS.keys().isdisjoint(value)


def are_parts(items: Sequence[object]) -> bool:
    """Return True if all items are objects with a `type`, and one of them is a part beyond doubt, or media."""
    typed = [item for item in items if isinstance(item, dict) and isinstance(item.get("type"), str)]
    return len(typed) == len(items) and any(is_part(item) or not _MEDIA.isdisjoint(item) for item in typed)


def first_said(value: Mapping[str, object], names: tuple[str, ...]) -> object:
    """Return the first that says something of the named values; None without one."""
    for name in names:
        found = value.get(name)
        if found or (found is not None and found not in ("", [])):
            return found
    return None


def as_text(value: object) -> str:
    """Return a text as it is, None as an empty text, any other value as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def text_of(value: object) -> str:
    """Return the text in a value: a text, a part with a text, a list of them; any other value is JSON."""
    if isinstance(value, list):
        return "\n".join(filter(None, map(text_of, value)))
    if isinstance(value, dict) and (said := first_said(value, _TEXTS)) is not None:
        return text_of(said)
    return as_text(value)


def _result(value: object) -> str:
    """Return the result of a tool: the texts, if it is a list of parts with a text each."""
    if isinstance(value, dict):
        if {"type", "value"} <= value.keys():  # Vercel's AI SDK: {"type": "text" | "json", "value": …}
            return as_text(value["value"])
        if _is_content(value):
            return as_text(value["json"]) if "json" in value else text_of(value["text"])
    if isinstance(value, list) and value and all(isinstance(item, dict) and _is_content(item) for item in value):
        return "\n".join(map(_result, value))
    return as_text(value)


def _is_content(item: Mapping[str, object]) -> bool:
    """Return True for a part of a result: Bedrock's `{"text": …}` and `{"json": …}`, or a part of type text."""
    return item.keys() in ({"text"}, {"json"}) or (item.get("type") == "text" and "text" in item)


def _said(inner: Mapping[str, object], names: tuple[str, ...], part: Mapping[str, object]) -> object:
    """Return the arguments or the result; of a tool that the provider runs, all fields if none has such a name."""
    said = first_said(inner, names)
    if said is None and any(name in part for name in _SERVER_CALLS):
        return {name: value for name, value in inner.items() if name != "type"} or None
    return said


def _kind_of_word(word: str) -> PartType | None:
    return _KINDS.get(word) or next((kind for end, kind in _KINDS_BY_END.items() if word.endswith(end)), None)


def _loaded(item: object) -> object:
    """Return the part in an item that is the JSON text of a part; any other item as it is."""
    if isinstance(item, str) and item.startswith('{"'):
        value = load(item).value
        return value if isinstance(value, dict) and is_part(value) else item
    return item


def _inner(value: Mapping[str, object]) -> Mapping[str, object]:
    """Return the tool call or result inside a part, or the part itself."""
    inner = first_said(value, _NESTED)
    return inner if isinstance(inner, dict) else value
