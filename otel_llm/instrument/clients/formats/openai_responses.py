"""Items of OpenAI's Responses API, of requests and responses, in the conventions' schema.

Sources: the one of `parts.py`; for the items, the types of `openai.types.responses` in openai 3.54.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.parts import Part, plain
from otel_llm.instrument.contract.data import Message

# calls that the app must answer, and the field with their arguments
CLIENT_CALLS: Final[Mapping[str, str]] = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "computer_call": "action",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
}
# the app's answers to these calls
_CLIENT_OUTPUTS: Final = frozenset(f"{call}_output" for call in CLIENT_CALLS)
# a search of tools: a call of the app or of the provider, as its field `execution` says
_TOOL_SEARCH: Final = "tool_search"


class _ServerCall(NamedTuple):
    """A call of a tool that the provider itself runs. The item holds both arguments and result."""

    tool: str
    asked: tuple[str, ...]
    answered: tuple[str, ...] = ()


_SERVER_CALLS: Final = {
    "web_search_call": _ServerCall("web_search", ("action",)),
    "file_search_call": _ServerCall("file_search", ("queries",), ("results",)),
    "code_interpreter_call": _ServerCall("code_interpreter", ("code", "container_id"), ("outputs",)),
    "image_generation_call": _ServerCall("image_generation", ("action", "revised_prompt", "size", "quality")),
    "mcp_call": _ServerCall("mcp", ("name", "server_label", "arguments"), ("output", "error")),
}


def is_client_call(item: Mapping[str, Any]) -> bool:
    """Return True if an item is a call that the app must answer."""
    kind = item.get("type")
    return kind in CLIENT_CALLS or (kind == f"{_TOOL_SEARCH}_call" and item.get("execution") == "client")


def instructions(value: Any) -> list[Part]:
    """Return a request's instructions."""
    return [parts.text(value)] if isinstance(value, str) else []


def input_items(value: Any) -> list[Message]:
    """Return a request's input, a text or items, as messages that share no object with the app."""
    if isinstance(value, str):
        return [{"role": "user", "parts": [parts.text(value)]}]
    messages = [_input_message(plain(item)) for item in value or ()]
    return [message for message in messages if message["parts"]]


def output_messages(items: Iterable[Any], finish_reason: str | None) -> list[Message]:
    """Return a response's items as one message, because a response is one choice."""
    # a compaction repeats the user's messages
    answered = [item for item in map(plain, items) if item.get("role", "assistant") == "assistant"]
    converted = [part for item in answered for part in _parts(item)]
    if not converted:
        return []
    return [{"role": "assistant", "parts": converted, "finish_reason": finish_reason}]


def tool_definitions(tools: Any) -> list[dict[str, Any]]:
    """Return a request's tools. The name of a provider's tool is its type, that of an MCP server its label."""
    definitions = []
    for tool in map(plain, tools or ()):
        kind = str(tool.get("type") or "function")
        name = tool.get("name") or tool.get("server_label") or kind
        definitions.append({**parts.without_secrets(tool), "type": kind, "name": name})
    return definitions


def _input_message(item: Mapping[str, Any]) -> Message:
    kind = item.get("type", "message")
    answers = kind in _CLIENT_OUTPUTS or (kind == f"{_TOOL_SEARCH}_output" and item.get("execution") == "client")
    role = "tool" if answers else parts.role(item.get("role") or "assistant")
    return {"role": role, "parts": _parts(item)}


def _parts(item: Mapping[str, Any]) -> list[Part]:
    read = _READERS.get(item.get("type", "message"))
    return [parts.other(item)] if read is None else read(item)


def _message(item: Mapping[str, Any]) -> list[Part]:
    return _content(item.get("content"))


def _reasoning(item: Mapping[str, Any]) -> list[Part]:
    shown = [*(item.get("summary") or ()), *(item.get("content") or ())]
    return [parts.reasoning(str(plain(each).get("text") or "")) for each in shown]


def _compaction(item: Mapping[str, Any]) -> list[Part]:
    return [{"type": "compaction", "id": item.get("id")}]


def _client_call(item: Mapping[str, Any]) -> list[Part]:
    kind = item["type"]
    arguments = copy.deepcopy(item.get(CLIENT_CALLS[kind]))
    return [parts.tool_call(item.get("call_id"), item.get("name") or kind.removesuffix("_call"), arguments)]


def _client_output(item: Mapping[str, Any]) -> list[Part]:
    # a patch may have a status but no output
    output = item.get("output", item.get("status"))
    if isinstance(output, Mapping):
        return [parts.tool_response(item.get("call_id"), _content_part(output))]
    if output is None or isinstance(output, str):
        return [parts.tool_response(item.get("call_id"), output)]
    return [parts.tool_response(item.get("call_id"), parts.told(_content(output)))]


def _server_call(item: Mapping[str, Any]) -> list[Part]:
    call, item_id = _SERVER_CALLS[item["type"]], item.get("id")
    converted: list[Part] = [
        {
            "type": "server_tool_call",
            "id": item_id,
            "name": item.get("name") or call.tool,
            "server_tool_call": {"type": call.tool, **_known(item, call.asked)},
        }
    ]
    if answered := _known(item, call.answered):
        response = {"type": call.tool, **answered}
        converted.append(
            {"type": "server_tool_call_response", "id": item_id, "server_tool_call_response": response}
        )
    if image := item.get("result"):  # a generated image in base64
        converted.append(parts.blob(image, "image", f"image/{item.get('output_format') or 'png'}"))
    return converted


def _tool_search(item: Mapping[str, Any]) -> list[Part]:
    call_id, arguments = item.get("call_id") or item.get("id"), copy.deepcopy(item.get("arguments"))
    if item.get("execution") == "client":
        return [parts.tool_call(call_id, _TOOL_SEARCH, arguments)]
    call = {"type": _TOOL_SEARCH, "arguments": arguments}
    return [{"type": "server_tool_call", "id": call_id, "name": _TOOL_SEARCH, "server_tool_call": call}]


def _tool_search_output(item: Mapping[str, Any]) -> list[Part]:
    call_id, tools = item.get("call_id") or item.get("id"), parts.without_secrets(item.get("tools") or ())
    if item.get("execution") == "client":
        return [parts.tool_response(call_id, tools)]
    response = {"type": _TOOL_SEARCH, "tools": tools}
    return [{"type": "server_tool_call_response", "id": call_id, "server_tool_call_response": response}]


def _known(item: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: copy.deepcopy(item[key]) for key in keys if item.get(key) is not None}


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], list[Part]]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "compaction": _compaction,
    **dict.fromkeys(CLIENT_CALLS, _client_call),
    **dict.fromkeys(_CLIENT_OUTPUTS, _client_output),
    **dict.fromkeys(_SERVER_CALLS, _server_call),
    f"{_TOOL_SEARCH}_call": _tool_search,
    f"{_TOOL_SEARCH}_output": _tool_search_output,
}


def _content(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [parts.text(content)] if content else []
    return [parts.text(part) if isinstance(part, str) else _content_part(plain(part)) for part in content or ()]


def _content_part(part: Mapping[str, Any]) -> Part:
    read = _CONTENT_READERS.get(part.get("type", ""))
    return parts.other(part) if read is None else read(part)


def _text(part: Mapping[str, Any]) -> Part:
    return parts.text(part.get("text"))


def _refusal(part: Mapping[str, Any]) -> Part:
    return parts.refusal(part.get("refusal"))


def _image(part: Mapping[str, Any]) -> Part:
    if url := part.get("image_url"):
        return parts.at_url(parts.url_of(url), "image")
    return {"type": "file", "modality": "image", "file_id": part.get("file_id")}


def _audio(part: Mapping[str, Any]) -> Part:
    return parts.audio(plain(part.get("input_audio")))


_CONTENT_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "computer_screenshot": _image,
    "input_file": parts.file,
    "input_audio": _audio,
}
