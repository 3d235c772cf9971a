"""OTLP/JSON to protobuf and back.

Source: opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding": protobuf's JSON mapping, but that
trace and span ids are hexadecimal; unknown fields are ignored.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm.errors import DecodeError

_M = TypeVar("_M", bound=Message)

_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId"})
_MAX_DEPTH: Final = 100
"""As deep as protobuf lets a message nest."""


def read_traces(body: bytes) -> tuple[bytes, list[str]]:
    """Return the serialized ExportTraceServiceRequest, and one reason for each malformed span, left out of it.

    Raises:
        DecodeError: the body is not JSON, or beside its spans no such request.
    """
    value = _load(body)
    spans = list(_take_spans(value))
    request = _message(value, ExportTraceServiceRequest(), "the body")
    rejected: list[str] = []
    scopes = (scope for resource in request.resource_spans for scope in resource.scope_spans)
    for scope, said in zip(scopes, spans, strict=True):
        for each in said:
            try:
                scope.spans.append(_message(each, Span(), "a span"))
            except DecodeError as error:
                rejected.append(str(error))
    return request.SerializeToString(), rejected


def write_json(message: Message) -> bytes:
    """Return an answer, which has no ids, in JSON."""
    return MessageToJson(message, indent=None).encode()


def _load(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DecodeError(f"the body must be a JSON object, got {type(value).__name__}")
    return value


def _message(value: object, message: _M, what: str) -> _M:
    if not isinstance(value, dict):
        raise DecodeError(f"{what} must be a JSON object, got {type(value).__name__}")
    try:
        ParseDict(_with_ids(value), message, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH)
    except (ParseError, RecursionError) as error:
        raise DecodeError(f"{what} is no {message.DESCRIPTOR.name}: {error}") from error
    return message


def _with_ids(value: object) -> Any:
    """Return the value with its ids in base64, as protobuf's mapping has bytes."""
    if isinstance(value, list):
        return [_with_ids(item) for item in value]
    if isinstance(value, dict):
        return {key: _id(key, item) if key in _IDS else _with_ids(item) for key, item in value.items()}
    return value


def _id(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise DecodeError(f"{key} must be a hexadecimal text, got {type(value).__name__}")
    try:
        return base64.b64encode(bytes.fromhex(value)).decode()
    except ValueError as error:
        raise DecodeError(f"{key} must be hexadecimal, got {value[:40]!r}") from error


def _take_spans(value: object) -> Iterator[list[object]]:
    """Take the spans out of each scope, in order: parsed one by one, a bad one costs only itself."""
    for resource in _items(value, "resourceSpans"):
        for scope in _items(resource, "scopeSpans"):
            spans = scope.get("spans") if isinstance(scope, dict) else None
            if isinstance(spans, list):  # else the request as a whole is wrong, and is said to be
                scope["spans"] = []
            yield spans if isinstance(spans, list) else []


def _items(value: object, key: str) -> list[Any]:
    items = value.get(key) if isinstance(value, dict) else None
    return items if isinstance(items, list) else []
