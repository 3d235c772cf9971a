"""Messages of OpenAI's chat format, which many clients use, in the conventions' schema.

Source: GenAI conventions, JSON schemas of gen_ai.input.messages, gen_ai.output.messages, gen_ai.tool.definitions
(https://github.com/open-telemetry/semantic-conventions-genai, read in November 2026).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.parts import Part, plain
from otel_llm.instrument.contract.data import Message

_FINISH_REASONS: Final = {"tool_calls": "tool_call", "function_call": "tool_call"}


def input_messages(messages: Any) -> list[Message]:
    """Return a request's messages, which share no object with the app."""
    return [_input_message(plain(message)) for message in messages or ()]


def output_message(message: Any, finish_reason: str | None) -> Message:
    """Return a response's message, given as an object or a mapping."""
    fields = plain(message)
    return {
        "role": parts.role(fields.get("role") or "assistant"),
        "parts": _parts(fields),
        "finish_reason": finish_reason_of(finish_reason) if finish_reason else "error",
    }


def finish_reason_of(reason: str) -> str:
    """Return the conventions' name of a finish reason."""
    return _FINISH_REASONS.get(reason, reason)


def tool_definitions(tools: Any, functions: Any = None) -> list[dict[str, Any]]:
    """Return a request's tools. `functions` is the older form, for functions alone."""
    definitions = []
    for tool in map(plain, tools or ()):
        kind = str(tool.get("type") or "function")
        # servers also accept functions without this level, and tools of their own that are only a type
        definitions.append(_definition(kind, plain(tool.get(kind)) or tool))
    definitions += [_definition("function", plain(function)) for function in functions or ()]
    return definitions


def _definition(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**parts.without_secrets(fields), "type": kind, "name": fields.get("name") or kind}


def _input_message(message: Mapping[str, Any]) -> Message:
    content = _parts(message)
    if message.get("role") in {"tool", "function"}:
        response = "\n".join(part["content"] for part in content if part["type"] == "text")
        content = [parts.tool_response(message.get("tool_call_id"), response)]
    converted: Message = {"role": parts.role(message.get("role")), "parts": content}
    if name := message.get("name"):
        converted["name"] = name
    return converted


def _parts(message: Mapping[str, Any]) -> list[Part]:
    converted: list[Part] = []
    for name in ("reasoning_content", "reasoning"):  # the field's name on OpenAI-compatible servers
        if isinstance(reasoning := message.get(name), str) and reasoning:
            converted.append(parts.reasoning(reasoning))
            break
    content = message.get("content")
    if isinstance(content, str | Mapping):
        content = [content] if content else []
    if isinstance(content, Iterable):
        converted.extend(
            parts.text(part) if isinstance(part, str) else _content_part(plain(part)) for part in content
        )
    if refusal := message.get("refusal"):
        converted.append(parts.refusal(refusal))
    if audio := plain(message.get("audio")):
        converted.append(_spoken(audio))
    converted.extend(_tool_call(plain(call)) for call in message.get("tool_calls") or ())
    if call := message.get("function_call"):
        converted.append(_tool_call({"function": call}))
    return converted


def _content_part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    if kind == "text":
        return parts.text(part.get("text"))
    if kind == "refusal":
        return parts.refusal(part.get("refusal"))
    if kind == "image_url":
        return parts.at_url(str(plain(part.get("image_url")).get("url") or ""), "image")
    if kind == "input_audio":
        return parts.audio(plain(part.get("input_audio")))
    if kind == "file":
        return parts.file(plain(part.get("file")))
    return parts.other(part)


def _spoken(audio: Mapping[str, Any]) -> Part:
    """Return the part for a spoken answer: its audio, or the id of an earlier answer's audio."""
    if data := audio.get("data"):
        part = parts.blob(data, "audio", None)  # the request sets the format, which the answer does not repeat
    else:
        part = {"type": "file", "modality": "audio", "file_id": audio.get("id")}
    if transcript := audio.get("transcript"):
        part["transcript"] = transcript
    return part


def _tool_call(call: Mapping[str, Any]) -> Part:
    function = plain(call.get("function") or call.get("custom"))
    arguments = copy.deepcopy(function.get("arguments", function.get("input")))
    return parts.tool_call(call.get("id"), function.get("name"), arguments)
