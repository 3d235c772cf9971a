"""Messages of OpenAI's chat format, which many clients use, in the conventions' schema.

Source: GenAI conventions, JSON schemas of gen_ai.input.messages, gen_ai.output.messages, gen_ai.tool.definitions
(https://github.com/open-telemetry/semantic-conventions-genai, read in November 2026).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.parts import Part, plain
from otel_llm.instrument.contract.data import Message

# the field of a model's reasoning on OpenAI-compatible servers: the first that holds a text counts
REASONING: Final = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details")

TEXTS: Final = ("text", "output_text", "input_text")
"""The types of content that is text: that of chat, and those of Responses, which some servers also send."""
_AT_URL: Final = "_url"  # the types image_url, audio_url, video_url, document_url


def input_messages(messages: Any) -> list[Message]:
    """Return a request's messages, which share no object with the app."""
    return [_input_message(plain(message)) for message in messages or ()]


def output_message(message: Any, finish_reason: str | None) -> Message:
    """Return a response's message, given as an object or a mapping."""
    fields = plain(message)
    return {
        "role": parts.role(fields.get("role") or "assistant"),
        "parts": _parts(fields),
        "finish_reason": finish_reason,
    }


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
        content = [parts.tool_response(message.get("tool_call_id"), parts.told(content))]
    converted: Message = {"role": parts.role(message.get("role")), "parts": content}
    if name := message.get("name"):
        converted["name"] = name
    return converted


def _parts(message: Mapping[str, Any]) -> list[Part]:
    said = next((text for name in REASONING if (text := parts.written(message.get(name)))), None)
    converted: list[Part] = [parts.reasoning(said)] if said else []
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
    kind = str(part.get("type", "text" if "text" in part else None))
    if (read := _READERS.get(kind)) is not None:
        return read(part)
    if kind.endswith(_AT_URL):
        return parts.at_url(parts.url_of(part.get(kind)), kind.removesuffix(_AT_URL))
    return parts.other(part)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    **dict.fromkeys(TEXTS, lambda part: parts.text(part.get("text"))),
    "refusal": lambda part: parts.refusal(part.get("refusal")),
    "thinking": parts.reasoning,
    "reasoning": parts.reasoning,
    "input_audio": lambda part: parts.audio(plain(part.get("input_audio"))),
    "file": lambda part: parts.file(plain(part.get("file"))),
}


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
