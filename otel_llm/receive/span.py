"""Spans, log records and resources as far as they are read here: attributes stay bytes until one is asked for.

The schemas are our own. An attribute is an entry of `map<string, bytes>`, which on the wire is the same as a
KeyValue: a look-up by name stays in protobuf's C code, and no Python object is made of what nobody asks for. Where
an attribute is there twice, the last one counts. The messages are only read, never written back.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message_factory import GetMessageClass

from otel_llm.errors import DecodeError
from otel_llm.receive.shell import read_request

_PACKAGE: Final = "otel_llm.shadow"
_BYTES, _FIXED64, _INT, _MESSAGE = Field.TYPE_BYTES, Field.TYPE_FIXED64, Field.TYPE_INT32, Field.TYPE_MESSAGE
_ATTRIBUTES: Final = "attributes"

# Field numbers: opentelemetry-proto v1, trace.proto, logs.proto, resource.proto. Names are bytes, for a text that
# is no UTF-8 must not cost the span.
_SCHEMAS: Final[dict[str, dict[str, tuple[int, Any]]]] = {
    "Span": {
        "trace_id": (1, _BYTES),
        "span_id": (2, _BYTES),
        "parent_span_id": (4, _BYTES),
        "start_time_unix_nano": (7, _FIXED64),
        "end_time_unix_nano": (8, _FIXED64),
        _ATTRIBUTES: (9, _MESSAGE),
        "events": (11, "Event"),
        "status": (15, "Status"),
    },
    "Glance": {"trace_id": (1, _BYTES), "status": (15, _BYTES)},
    "Event": {"time_unix_nano": (1, _FIXED64), "name": (2, _BYTES), _ATTRIBUTES: (3, _MESSAGE)},
    "Status": {"code": (3, _INT)},
    "LogRecord": {
        "body": (5, _BYTES),
        _ATTRIBUTES: (6, _MESSAGE),
        "trace_id": (9, _BYTES),
        "span_id": (10, _BYTES),
        "event_name": (12, _BYTES),
    },
    "Resource": {_ATTRIBUTES: (1, _MESSAGE)},
}


def parse_span(data: bytes) -> Any:
    """Return a Span with `trace_id`, `span_id`, `parent_span_id`, times, `attributes`, `events` and `status`.

    Raises:
        DecodeError: the bytes are no Span.
    """
    return _parse("Span", data)


def parse_glance(data: bytes) -> Any:
    """Return a Span with its `trace_id` and its serialized `status` alone, in a third of the time.

    Raises:
        DecodeError: the bytes are no Span.
    """
    return _parse("Glance", data, what="Span")


def parse_status(data: bytes) -> Any:
    """Return a Status with its `code`.

    Raises:
        DecodeError: the bytes are no Status.
    """
    return _parse("Status", data)


def parse_resource(data: bytes) -> Any:
    """Return a Resource with its `attributes`.

    Raises:
        DecodeError: the bytes are no Resource.
    """
    return _parse("Resource", data)


def parse_log_record(data: bytes) -> Any:
    """Return a LogRecord with `body`, `attributes`, `trace_id`, `span_id` and `event_name`.

    Raises:
        DecodeError: the bytes are no LogRecord.
    """
    return _parse("LogRecord", data)


def read_log_records(body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the serialized LogRecords of an ExportLogsServiceRequest, each behind its serialized Resource.

    Raises:
        DecodeError: the body is not such a request.
    """
    request = read_request("logs", body)
    return [
        (entry.resource, record) for entry in request.resources for scope in entry.scopes for record in scope.items
    ]


def _parse(name: str, data: bytes, *, what: str = "") -> Any:
    try:
        return _CLASSES[name].FromString(data)
    except ProtobufDecodeError as error:
        raise DecodeError(f"the bytes are no {what or name}: {error}") from error


def _message_classes() -> dict[str, Any]:
    file = FileDescriptorProto(name="otel_llm/shadow.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _SCHEMAS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            message.field.append(_field(name, field, number, kind))
        if _ATTRIBUTES in fields:
            entry = message.nested_type.add(name="AttributesEntry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
            entry.field.add(name="value", number=2, type=_BYTES, label=Field.LABEL_OPTIONAL)
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _SCHEMAS}


def _field(message: str, name: str, number: int, kind: Any) -> Field:
    repeated = name in {_ATTRIBUTES, "events"}
    made = Field(name=name, number=number, label=Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL)
    if name == _ATTRIBUTES:
        made.type, made.type_name = _MESSAGE, f".{_PACKAGE}.{message}.AttributesEntry"
    elif isinstance(kind, str):
        made.type, made.type_name = _MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        made.type = kind
    return made


_CLASSES: Final = _message_classes()
