"""OTLP/JSON to protobuf and back.

Source: opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding": protobuf's JSON mapping, but that
trace and span ids are hexadecimal; unknown fields are ignored.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import Message

from otel_llm.errors import DecodeError
from otel_llm.otlp.screen import Rejection, Rejections
from otel_llm.otlp.signals import SIGNALS, Signal

_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId"})
_MAX_DEPTH: Final = 100
"""Depth to which protobuf lets a message nest."""
_QUOTED: Final = re.compile(r"""(?<!\w)(["']).*?(?:\1|$)""", re.DOTALL)
_MAX_SAID: Final = 300


def read_json(signal: Signal, body: bytes) -> tuple[bytes, list[Rejection]]:
    """Return the serialized Export*ServiceRequest, and the items that were left out because they are malformed.

    Raises:
        DecodeError: the body is not JSON, or without its items no such request.
    """
    facts = SIGNALS[signal]
    value = _load(body)
    taken_out = list(_take_items(value, facts.levels))
    request: Any = _message(value, facts.request(), "the body")
    rejections = Rejections()
    resources, scopes, items = facts.levels
    for scope, said in zip(_inner(_inner([request], resources), scopes), taken_out, strict=True):
        for each in said:
            try:
                getattr(scope, items).append(_message(each, facts.item(), f"a {facts.what}"))
            except DecodeError as error:
                rejections.add("malformed_item", str(error), _count(each))
    return request.SerializeToString(), rejections.all()


def write_json(message: Message) -> bytes:
    """Return an answer in JSON; answers have no ids, which would be hexadecimal."""
    return MessageToJson(message, indent=None).encode()


def _inner(messages: Any, field: str) -> Iterator[Any]:
    return (inner for message in messages for inner in getattr(message, field))


def _load(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DecodeError(f"the body must be a JSON object, got {type(value).__name__}")
    return value


def _message(value: object, message: Message, what: str) -> Message:
    if not isinstance(value, dict):
        raise DecodeError(f"{what} must be a JSON object, got {type(value).__name__}")
    try:
        known = _with_ids(value, message.DESCRIPTOR)
        ParseDict(known, message, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH)
    except (ParseError, RecursionError, OverflowError) as error:  # OverflowError: 1e400, or 400 digits
        said = _QUOTED.sub("...", str(error))[:_MAX_SAID]  # quoted text may be content, and of any length
        said = said.encode(errors="backslashreplace").decode()  # half a surrogate pair
        raise DecodeError(f"{what} is no {message.DESCRIPTOR.name}: {said}") from error
    except SystemError as error:  # protobuf's C code, where it looks up an enum's value of such a name
        raise DecodeError(f"{what} is no {message.DESCRIPTOR.name}: a name has an unpaired surrogate") from error
    return message


def _with_ids(value: object, message: Any) -> Any:
    """Return the value with ids in base64, as protobuf's mapping has bytes, and without unknown fields.

    Keys with an underscore count as unknown: protobuf's mapping accepts them, OTLP does not.

    Args:
        value: the value of a field.
        message: the descriptor of the field's message; None if the field holds no message.
    """
    if message is None:
        return value
    if isinstance(value, list):
        return [_with_ids(item, message) for item in value]
    if isinstance(value, dict):
        fields = _fields(message)
        return {
            key: _id(key, item) if key in _IDS else _with_ids(item, fields[key])
            for key, item in value.items()
            if key in fields
        }
    return value


@functools.cache
def _fields(message: Any) -> dict[str, Any]:
    """Return the JSON names of a message's fields, each with the descriptor of its message or None."""
    return {field.json_name: field.message_type for field in message.fields}


def _id(key: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise DecodeError(f"{key} must be a hexadecimal text, got {type(value).__name__}")
    try:
        return base64.b64encode(bytes.fromhex(value)).decode()
    except ValueError as error:
        raise DecodeError(f"{key} must be hexadecimal, got {value[:40]!r}") from error


def _take_items(value: object, levels: tuple[str, str, str]) -> Iterator[list[object]]:
    """Yield the items of each scope, removed from it: parsed one by one, a malformed item costs only itself."""
    resources, scopes, items = (_camel(level) for level in levels)
    for resource in _list(value, resources):
        for scope in _list(resource, scopes):
            said = scope.get(items) if isinstance(scope, dict) else None
            if isinstance(said, list):  # else parsing the whole request reports the fault
                scope[items] = []
            yield said if isinstance(said, list) else []


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _list(value: object, key: str) -> list[Any]:
    items = value.get(key) if isinstance(value, dict) else None
    return items if isinstance(items, list) else []


def _count(item: object) -> int:
    """Return the number of data points of a metric; 1 for other items, and for a metric without data points."""
    kinds = item.values() if isinstance(item, dict) else ()
    return sum(len(_list(kind, "dataPoints")) for kind in kinds) or 1
