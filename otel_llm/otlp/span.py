"""Spans, log records and resources, parsed as far as needed: an attribute stays bytes until it is looked up.

The schemas are our own. An attribute is an entry of `map<string, bytes>`, which on the wire is the same as a
KeyValue: a look-up by name stays in protobuf's C code, and other attributes cost no Python object. If an attribute
is there twice, the last one counts. The messages are only read, never written back.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from otel_llm.errors import DecodeError
from otel_llm.otlp.requests import read_request
from otel_llm.otlp.schema import MAP, Field, message_classes

# Field numbers: opentelemetry-proto v1, trace.proto, logs.proto, resource.proto. Names are bytes: a name that is
# not UTF-8 must not cost the span.
_CLASSES: Final = message_classes(
    "otel_llm.shadow",
    {
        "Span": {
            "trace_id": Field(1),
            "span_id": Field(2),
            "start_time_unix_nano": Field(7, "fixed64"),
            "end_time_unix_nano": Field(8, "fixed64"),
            "attributes": Field(9, MAP),
            "events": Field(11, "Event", repeated=True),
            "status": Field(15, "Status"),
        },
        "IdAndStatus": {"trace_id": Field(1), "status": Field(15)},
        "Event": {"time_unix_nano": Field(1, "fixed64"), "name": Field(2), "attributes": Field(3, MAP)},
        "Status": {"code": Field(3, "int32")},
        "LogRecord": {
            "body": Field(5),
            "attributes": Field(6, MAP),
            "trace_id": Field(9),
            "span_id": Field(10),
            "event_name": Field(12),
        },
        "Resource": {"attributes": Field(1, MAP)},
    },
)


def parse_span(data: bytes) -> Any:
    """Return a Span with `trace_id`, `span_id`, times, `attributes`, `events` and `status`.

    Raises:
        DecodeError: the bytes are no Span.
    """
    return _parse("Span", data)


def parse_id_and_status(data: bytes) -> Any:
    """Return a Span with only its `trace_id` and its serialized `status`, in a third of the time of `parse_span`.

    Raises:
        DecodeError: the bytes are no Span.
    """
    return _parse("IdAndStatus", data, what="Span")


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
    """Return the serialized Resource and LogRecord for each record of an ExportLogsServiceRequest.

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
