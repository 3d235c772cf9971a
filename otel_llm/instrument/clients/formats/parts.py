"""Parts of messages in the conventions' schema, made of what OpenAI's APIs, and those like them, send and answer.

Source: GenAI conventions, JSON schemas of gen_ai.input.messages and gen_ai.output.messages
(https://github.com/open-telemetry/semantic-conventions-genai, read in November 2026).
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Mapping
from typing import Any, Final

Part = dict[str, Any]

# `developer` is OpenAI's newer name for `system`; `function` is the older one for `tool`
_ROLES: Final = {"developer": "system", "function": "tool"}
# those of a document are all others
_MODALITIES: Final = frozenset({"image", "audio", "video"})
# what a tool's definition may hold that nobody else is to know
_SECRETS: Final = frozenset({"authorization", "headers", "domain_secrets"})
_SCHEMA: Final = "parameters"  # a JSON schema, whose keys are names of the app's own


def plain(value: Any) -> Mapping[str, Any]:
    """Return the fields of a mapping, or of an object of the client, such as an earlier response's message."""
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    # without warnings: what the client makes of a server's answer need not be of the types that it declares
    return dump(exclude_none=True, warnings=False) if dump is not None else {}


def role(value: Any) -> str:
    """Return a role by the conventions' name."""
    return _ROLES.get(value, _words(value) or "unknown")


def text(content: Any) -> Part:
    """Return a text."""
    return {"type": "text", "content": _words(content)}


def refusal(content: Any) -> Part:
    """Return the text by which a model refuses."""
    return {"type": "refusal", "content": _words(content)}


def reasoning(content: str) -> Part:
    """Return what a model shows of its reasoning."""
    return {"type": "reasoning", "content": content}


def at_url(url: str, modality: str) -> Part:
    """Return media at a URL; one that holds the media itself, in base64, is a blob."""
    if not _is_data(url):
        return {"type": "uri", "modality": modality, "uri": url}
    head, _, data = url.partition(",")
    mime_type = head[len("data:") :].partition(";")[0].lower()
    kind = mime_type.partition("/")[0]
    return blob(data, kind if kind in _MODALITIES else modality, mime_type)


def blob(data: Any, modality: str, mime_type: str | None) -> Part:
    """Return media in base64."""
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": data}


def audio(fields: Mapping[str, Any]) -> Part:
    """Return the audio of an input, `{data, format}`."""
    kind = fields.get("format")
    return blob(fields.get("data"), "audio", f"audio/{kind}" if kind else None)


def file(fields: Mapping[str, Any]) -> Part:
    """Return a file, of which there is an id, a URL, or the data."""
    part: Part = {"type": "file", "modality": "document"}
    if file_id := fields.get("file_id"):
        part["file_id"] = file_id
    elif url := fields.get("file_url"):
        part = at_url(str(url), "document")
    elif data := fields.get("file_data"):
        # by the API's reference a data URL; its base64 alone is taken, too
        part = at_url(data, "document") if _is_data(str(data)) else blob(data, "document", None)
    if name := fields.get("filename"):
        part["filename"] = name
    return part


def tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    """Return a tool's call; its arguments are a structure where they are valid JSON."""
    return {"type": "tool_call", "id": call_id, "name": _words(name), "arguments": from_json(arguments)}


def tool_response(call_id: Any, response: Any) -> Part:
    """Return what a tool answered."""
    return {"type": "tool_call_response", "id": call_id, "response": response}


def other(fields: Mapping[str, Any]) -> Part:
    """Return a part of a kind that the conventions do not know, as it is; none is without a type."""
    kind = fields.get("type")
    return {**copy.deepcopy(dict(fields)), "type": kind if kind and isinstance(kind, str) else "unknown"}


def without_secrets(definition: Any) -> Any:
    """Return a copy of a tool's definition, or of a value in it, without what lets the provider in elsewhere."""
    if isinstance(definition, list | tuple):
        return [without_secrets(each) for each in definition]
    if not (fields := plain(definition)):
        return copy.deepcopy(definition)
    return {
        key: copy.deepcopy(value) if key == _SCHEMA else without_secrets(value)
        for key, value in fields.items()
        if str(key).lower() not in _SECRETS
    }


def from_json(value: Any) -> Any:
    """Return what a text of JSON says; a model does not always write valid JSON, then the text."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _words(value: Any) -> str:
    return "" if value is None else str(value)


def _is_data(url: str) -> bool:
    return url[: len("data:")].lower() == "data:"
