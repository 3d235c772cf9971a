"""Messages of OpenAI's chat format, which many clients speak, in the conventions' schema.

Source: GenAI conventions, JSON schemas of gen_ai.input.messages, gen_ai.output.messages, gen_ai.tool.definitions
(https://github.com/open-telemetry/semantic-conventions-genai, read in November 2026).
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from otel_llm.instrument.fields import Message

Part = dict[str, Any]

# `developer` is OpenAI's newer name for `system`; `function` is the older one for `tool`
_ROLES: Final = {"developer": "system", "function": "tool"}
_FINISH_REASONS: Final = {"tool_calls": "tool_call", "function_call": "tool_call"}


def input_messages(messages: Any) -> list[Message]:
    """Return a request's messages; they share no object with the app's."""
    return [_input_message(_plain(message)) for message in messages or ()]


def output_message(message: Any, finish_reason: str | None) -> Message:
    """Return a response's message, an object or a mapping."""
    plain = _plain(message)
    return {
        "role": _role(plain.get("role") or "assistant"),
        "parts": _parts(plain),
        "finish_reason": _FINISH_REASONS.get(finish_reason or "", finish_reason or "unknown"),
    }


def tool_definitions(tools: Any) -> list[dict[str, Any]]:
    """Return a request's tools."""
    definitions = []
    for tool in map(_plain, tools or ()):
        kind = str(tool.get("type", "function"))
        definitions.append({"type": kind, **copy.deepcopy(dict(_plain(tool.get(kind) or {})))})
    return definitions


def _input_message(message: Mapping[str, Any]) -> Message:
    parts = _parts(message)
    if message.get("role") in {"tool", "function"}:
        response = "\n".join(part["content"] for part in parts if part["type"] == "text")
        parts = [{"type": "tool_call_response", "id": message.get("tool_call_id"), "response": response}]
    converted: Message = {"role": _role(message.get("role")), "parts": parts}
    if name := message.get("name"):
        converted["name"] = name
    return converted


def _parts(message: Mapping[str, Any]) -> list[Part]:
    parts: list[Part] = []
    for name in ("reasoning_content", "reasoning"):  # what OpenAI-compatible servers call it
        if isinstance(reasoning := message.get(name), str) and reasoning:
            parts.append({"type": "reasoning", "content": reasoning})
            break
    content = message.get("content")
    if isinstance(content, str):
        if content:
            parts.append({"type": "text", "content": content})
    elif isinstance(content, Iterable):
        parts.extend(_content_part(_plain(part)) for part in content)
    if refusal := message.get("refusal"):
        parts.append({"type": "refusal", "content": refusal})
    parts.extend(_tool_call(_plain(call)) for call in message.get("tool_calls") or ())
    if call := message.get("function_call"):
        parts.append(_tool_call({"function": call}))
    return parts


def _content_part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "content": str(part.get("text", ""))}
    if kind == "image_url":
        return _image(str(_plain(part.get("image_url") or {}).get("url", "")))
    if kind == "input_audio":
        audio = _plain(part.get("input_audio") or {})
        return {
            "type": "blob",
            "modality": "audio",
            "mime_type": f"audio/{audio.get('format')}",
            "content": audio.get("data"),
        }
    return copy.deepcopy(dict(part))


def _image(url: str) -> Part:
    if not url.startswith("data:"):
        return {"type": "uri", "modality": "image", "uri": url}
    head, _, data = url.partition(",")
    mime_type = head.removeprefix("data:").partition(";")[0]
    return {"type": "blob", "modality": "image", "mime_type": mime_type, "content": data}


def _tool_call(call: Mapping[str, Any]) -> Part:
    function = _plain(call.get("function") or call.get("custom") or {})
    arguments = function.get("arguments", function.get("input"))
    if isinstance(arguments, str):
        with contextlib.suppress(ValueError):  # a model does not always write valid JSON: its text, then
            arguments = json.loads(arguments)
    return {"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": arguments}


def _role(role: Any) -> str:
    return _ROLES.get(role, str(role))


def _plain(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)  # an object of the client, such as an earlier response's message
    return dump(exclude_none=True) if dump is not None else {}
