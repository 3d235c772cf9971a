"""Messages of Anthropic's Messages API in the conventions' schema. Bedrock and Vertex serve this API too.

Sources: the one of `parts.py`; for the blocks, `anthropic.types` and `anthropic.types.beta` in anthropic 2.14.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.fields import listed
from otel_llm.instrument.clients.formats.parts import Part, plain
from otel_llm.instrument.contract.data import Message

_SERVER_RESULT: Final = "_tool_result"
# fields that only the provider can read, and that the app must send back unchanged
_OPAQUE: Final = frozenset({"encrypted_content", "encrypted_index", "signature", "cache_control"})


def input_messages(messages: Any) -> list[Message]:
    """Return a request's messages, which share no object with the app."""
    return [_input_message(plain(message)) for message in listed(messages)]


def system_instructions(system: Any) -> list[Part]:
    """Return a request's system prompt, given as a text or as blocks."""
    return _parts(system)


def output_messages(content: Any, finish_reason: str | None) -> list[Message]:
    """Return a response's blocks as one message."""
    said = _parts(content)
    if not said:
        return []
    return [{"role": "assistant", "parts": said, "finish_reason": finish_reason}]


def tool_definitions(tools: Any) -> list[dict[str, Any]]:
    """Return a request's tools. The app's have the type `function`, the provider's have types of their own."""
    definitions = []
    for tool in map(plain, listed(tools)):
        kind = str(tool.get("type") or "custom")
        definition = {**parts.without_secrets(tool), "type": kind, "name": tool.get("name") or kind}
        if kind == "custom":
            definition["type"] = "function"
            if "input_schema" in definition:
                # the tool's own fields unchanged: none of them is a secret
                definition["parameters"] = copy.deepcopy(tool["input_schema"])
                del definition["input_schema"]
        definitions.append({key: value for key, value in definition.items() if key not in _OPAQUE})
    return definitions


def _input_message(message: Mapping[str, Any]) -> Message:
    said = _parts(message.get("content"))
    answers = bool(said) and all(part["type"] == "tool_call_response" for part in said)
    return {"role": "tool" if answers else parts.role(message.get("role")), "parts": said}


def _parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [parts.text(content)] if content else []
    return [part for block in map(plain, listed(content)) for part in _block(block)]


def _block(block: Mapping[str, Any]) -> list[Part]:
    kind = str(block.get("type") or "text")
    if (read := _READERS.get(kind)) is not None:
        return read(block)
    return [_server_result(block, kind)] if kind.endswith(_SERVER_RESULT) else [parts.other(_clear(block))]


def _text(block: Mapping[str, Any]) -> list[Part]:
    return [parts.text(block.get("text"))]


def _media(block: Mapping[str, Any]) -> list[Part]:
    """Return the part for an image or a document; for a document of texts, the part for its texts."""
    source, modality = plain(block.get("source")), str(block.get("type"))
    kind = source.get("type")
    if kind == "text":
        return [parts.text(source.get("data"))]
    if kind == "content":
        return _parts(source.get("content"))
    if kind == "url":
        return [parts.at_url(str(source.get("url") or ""), modality)]
    if kind == "file":
        return [_file(source, modality)]
    data = source.get(
        "data"
    )  # only a text of base64 is read; an open file or a path is left for the client to read
    return [parts.blob(data if isinstance(data, str) else "", modality, source.get("media_type"))]


def _file(fields: Mapping[str, Any], modality: str) -> Part:
    return {"type": "file", "modality": modality, "file_id": str(fields.get("file_id") or "")}


def _upload(block: Mapping[str, Any]) -> list[Part]:
    return [_file(block, "document")]


def _thinking(block: Mapping[str, Any]) -> list[Part]:
    return [parts.reasoning(str(block.get("thinking") or ""))]


def _redacted_thinking(_: Mapping[str, Any]) -> list[Part]:
    return [parts.reasoning("")]  # encrypted


def _compaction(block: Mapping[str, Any]) -> list[Part]:
    return [{"type": "compaction", "content": str(block.get("content") or "")}]


def _tool_use(block: Mapping[str, Any]) -> list[Part]:
    return [parts.tool_call(block.get("id"), block.get("name"), copy.deepcopy(block.get("input")))]


def _tool_result(block: Mapping[str, Any]) -> list[Part]:
    return [parts.tool_response(block.get("tool_use_id"), parts.told(_parts(block.get("content"))))]


def _server_call(block: Mapping[str, Any]) -> list[Part]:
    """Return the call of a tool that the provider runs, itself or on an MCP server."""
    name = str(block.get("name") or "")
    kind = name if block.get("type") == "server_tool_use" else "mcp"
    call: dict[str, Any] = {"type": kind, "arguments": copy.deepcopy(block.get("input"))}
    if server := block.get("server_name"):
        call["server_name"] = server
    return [{"type": "server_tool_call", "id": block.get("id"), "name": name, "server_tool_call": call}]


def _server_result(block: Mapping[str, Any], kind: str) -> Part:
    response = {"type": kind.removesuffix(_SERVER_RESULT), "content": _clear(block.get("content"))}
    return {
        "type": "server_tool_call_response",
        "id": block.get("tool_use_id"),
        "server_tool_call_response": response,
    }


def _clear(value: Any) -> Any:
    """Return a copy of a value without its encrypted fields."""
    if isinstance(value, list | tuple):
        return [_clear(each) for each in value]
    if not (fields := plain(value)):
        return copy.deepcopy(value)
    return {key: _clear(each) for key, each in fields.items() if key not in _OPAQUE}


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], list[Part]]]] = {
    "text": _text,
    "image": _media,
    "document": _media,
    "container_upload": _upload,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
    "compaction": _compaction,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "server_tool_use": _server_call,
    "mcp_tool_use": _server_call,
}
