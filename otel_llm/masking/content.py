"""Spans and log records without personal data and secrets, or without any content, before they are passed on.

Content that cannot be read, such as bytes or JSON that is too deep, is removed. Everything else of a span stays:
ids, times and usage, and also the messages of exceptions, whose names are no content names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm.errors import DecodeError
from otel_llm.masking.content_names import Names, has_content_body, is_content, is_content_of, no_names
from otel_llm.masking.texts import Masker, masker

_EVENT_NAME: Final = "event.name"
"""The attribute for the name of an event, from before log records had a field for the name."""

_Keep = Callable[[str, AnyValue], bool]
"""Takes a key and a value, which it may change; returns True if the value may be passed on."""
_Item = TypeVar("_Item", bound=Message)


def masked(span: bytes, also: Names = no_names) -> bytes:
    """Return a serialized Span with placeholders for personal data and secrets in its content.

    Args:
        span: a serialized Span.
        also: returns True for names of attributes that are content beside those of `is_content`.

    Raises:
        DecodeError: the bytes are no Span, and must not be passed on.
        ConfigError: the evaluators `pii` and `secrets` are not installed.
    """
    return _span(span, also, _masking(masker()))


def stripped(span: bytes, also: Names = no_names) -> bytes:
    """Return a serialized Span without content; arguments as of `masked`.

    Raises:
        DecodeError: the bytes are no Span, and must not be passed on.
    """
    return _span(span, also, _nothing)


def masked_log(record: bytes, also: Names = no_names) -> bytes:
    """Return a serialized LogRecord with placeholders for personal data and secrets; arguments as of `masked`."""
    return _log(record, also, _masking(masker()))


def stripped_log(record: bytes, also: Names = no_names) -> bytes:
    """Return a serialized LogRecord without content; arguments as of `stripped`."""
    return _log(record, also, _nothing)


def _span(data: bytes, also: Names, keep: _Keep) -> bytes:
    span = _read(Span, data)
    _filter(span.attributes, lambda name: is_content(name) or also(name), keep)
    for link in span.links:
        _filter(link.attributes, lambda name: is_content(name) or also(name), keep)
    for event in span.events:
        _filter(event.attributes, _names_of(event.name, also), keep)
    return span.SerializeToString()


def _log(data: bytes, also: Names, keep: _Keep) -> bytes:
    record = _read(LogRecord, data)
    event = record.event_name or next(
        (pair.value.string_value for pair in record.attributes if pair.key == _EVENT_NAME), ""
    )
    _filter(record.attributes, _names_of(event, also), keep)
    if has_content_body(event) and not keep("", record.body):
        record.ClearField("body")
    return record.SerializeToString()


def _read(kind: type[_Item], data: bytes) -> _Item:
    try:
        return kind.FromString(data)
    except ProtobufDecodeError as error:
        raise DecodeError(f"bytes must be a {kind.DESCRIPTOR.name}, got others: {error}") from error


def _names_of(event: str, also: Names) -> Names:
    return lambda name: is_content_of(event, name) or also(name)


def _filter(attributes: Any, concerns: Names, keep: _Keep) -> None:
    for index in range(len(attributes) - 1, -1, -1):
        pair = attributes[index]
        if concerns(pair.key) and not keep("", pair.value):
            del attributes[index]


def _nothing(_key: str, _value: AnyValue) -> bool:
    return False


def _masking(masker: Masker) -> _Keep:
    def keep(key: str, value: AnyValue) -> bool:
        """Mask a value and all values inside it; return True if all of them could be read."""
        match value.WhichOneof("value"):
            case "string_value":
                value.string_value = masker.mask(value.string_value, key)
            case "int_value" | "double_value" as kind:
                number = str(getattr(value, kind))
                if (new := masker.mask(number, key)) != number:
                    value.string_value = new
            case "array_value":
                return all(keep(key, item) for item in value.array_value.values)
            case "kvlist_value":
                return all(keep_pair(pair) for pair in value.kvlist_value.values)
            case "bytes_value":
                return False
            case None:  # empty, or of a kind that this service does not know yet
                return not value.ByteSize()
        return True

    def keep_pair(pair: Any) -> bool:
        kept = keep(pair.key, pair.value)
        pair.key = masker.mask(pair.key)
        return kept

    def keep_readable(key: str, value: AnyValue) -> bool:
        try:
            return keep(key, value)
        except ValueError:  # the JSON is too deep
            return False

    return keep_readable
