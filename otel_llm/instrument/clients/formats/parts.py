"""Parts of messages in the conventions' schema, made from the contents of OpenAI's APIs and similar APIs.

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

# `developer` is OpenAI's newer name for `system`; `function` is the older name for `tool`
_ROLES: Final = {"developer": "system", "function": "tool"}
# all other media types are those of documents
_MODALITIES: Final = frozenset({"image", "audio", "video"})
# fields of a tool's definition that may hold secrets
_SECRETS: Final = frozenset({"authorization", "headers", "domain_secrets"})
# the keys of an item's text, on servers that send reasoning as items
_TEXTS: Final = ("text", "thinking", "summary", "content", "reasoning")
_SCHEMA: Final = "parameters"  # JSON schemas, whose keys are names of the app's own


def plain(value: Any) -> Mapping[str, Any]:
    """Return the fields of a mapping, or of a client's object, such as the message of an earlier response."""
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    # without warnings: the client's objects for a server's answer need not have the declared types
    return dump(exclude_none=True, warnings=False) if dump is not None else {}


def role(value: Any) -> str:
    """Return the conventions' name of a role."""
    return _ROLES.get(value, _words(value) or "unknown")


def text(content: Any) -> Part:
    """Return the part for a text."""
    return {"type": "text", "content": _words(content)}


def refusal(content: Any) -> Part:
    """Return the part for a refusal: a text for all readers, with a mark for readers that know the mark."""
    return {**text(content), "refusal": True}


def reasoning(content: Any) -> Part:
    """Return the part for the reasoning that a model shows, given as a text, or as items with texts."""
    return {"type": "reasoning", "content": written(content)}


def written(value: Any) -> str:
    """Return the text of a text, of an item with a text, or of a list of these."""
    if isinstance(value, list | tuple):
        return "".join(map(written, value))
    if value is None or isinstance(value, str):
        return value or ""
    fields = plain(value)
    return written(next((fields[key] for key in _TEXTS if isinstance(fields.get(key), str | list)), None))


def at_url(url: str, modality: str) -> Part:
    """Return the part for media at a URL; a URL that holds the media itself, in base64, becomes a blob."""
    if not _is_data(url):
        return {"type": "uri", "modality": modality, "uri": url}
    head, _, data = url.partition(",")
    mime_type = head[len("data:") :].partition(";")[0].lower()
    kind = mime_type.partition("/")[0]
    return blob(data, kind if kind in _MODALITIES else modality, mime_type)


def blob(data: Any, modality: str, mime_type: str | None) -> Part:
    """Return the part for media in base64."""
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": data}


def audio(fields: Mapping[str, Any]) -> Part:
    """Return the part for the audio of an input, `{data, format}`."""
    kind = fields.get("format")
    return blob(fields.get("data"), "audio", f"audio/{kind}" if kind else None)


def file(fields: Mapping[str, Any]) -> Part:
    """Return the part for a file, given by its id, a URL, or its data."""
    part: Part = {"type": "file", "modality": "document"}
    if file_id := fields.get("file_id"):
        part["file_id"] = file_id
    elif url := fields.get("file_url"):
        part = at_url(str(url), "document")
    elif data := fields.get("file_data"):
        # a data URL by the API's reference; servers also accept its base64 alone
        part = at_url(data, "document") if _is_data(str(data)) else blob(data, "document", None)
    if name := fields.get("filename"):
        part["filename"] = name
    return part


def tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    """Return the part for a tool's call. Arguments that are valid JSON become a structure."""
    return {"type": "tool_call", "id": call_id, "name": _words(name), "arguments": from_json(arguments)}


def url_of(value: Any) -> str:
    """Return a URL, given as a text or as `{"url": …}`."""
    return value if isinstance(value, str) else str(plain(value).get("url") or "")


def told(content: list[Part]) -> str | list[Part]:
    """Return what a tool answered: its texts as one, or all parts if one of them is no text."""
    texts = [part["content"] for part in content if part["type"] == "text"]
    return "\n".join(texts) if len(texts) == len(content) else content


def tool_response(call_id: Any, response: Any) -> Part:
    """Return the part for a tool's answer."""
    return {"type": "tool_call_response", "id": call_id, "response": response}


def other(fields: Mapping[str, Any]) -> Part:
    """Return a part of a kind unknown to the conventions unchanged, but never without a type."""
    kind = fields.get("type")
    return {**copy.deepcopy(dict(fields)), "type": kind if kind and isinstance(kind, str) else "unknown"}


def without_secrets(definition: Any) -> Any:
    """Return a copy of a tool's definition, or of a value in it, without credentials for other services."""
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
    """Return the value of a text of JSON; or the text itself, as a model does not always write valid JSON."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _words(value: Any) -> str:
    return "" if value is None else str(value)


def _is_data(url: str) -> bool:
    return url[: len("data:")].lower() == "data:"
