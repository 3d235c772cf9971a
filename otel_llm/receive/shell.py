"""OTLP's trace request down to the spans, which stay bytes: one bad span cannot spoil its neighbours.

A schema of our own that leaves out what is not needed; protobuf skips the fields that it does not name.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message_factory import GetMessageClass

from otel_llm.errors import DecodeError

_PACKAGE = "otel_llm.shell"


def read_spans(body: bytes) -> list[tuple[bytes, list[bytes]]]:
    """Return, per resource of an ExportTraceServiceRequest, the serialized Resource and its serialized Spans.

    Raises:
        DecodeError: the body is not such a request.
    """
    try:
        request = _REQUEST.FromString(body)
    except ProtobufDecodeError as error:
        raise DecodeError(f"the body is no ExportTraceServiceRequest: {error}") from error
    return [
        (entry.resource, [span for scope in entry.scope_spans for span in scope.spans])
        for entry in request.resource_spans
    ]


def _request_class() -> Any:
    # Field numbers: opentelemetry-proto v1, trace_service.proto and trace.proto.
    file = FileDescriptorProto(name="otel_llm/shell.proto", package=_PACKAGE, syntax="proto3")
    messages = {
        "Request": [_field("resource_spans", 1, "ResourceSpans", repeated=True)],
        "ResourceSpans": [_field("resource", 1), _field("scope_spans", 2, "ScopeSpans", repeated=True)],
        "ScopeSpans": [_field("spans", 2, repeated=True)],
    }
    for name, fields in messages.items():
        file.message_type.add(name=name, field=fields)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Request"))


def _field(name: str, number: int, message: str | None = None, *, repeated: bool = False) -> FieldDescriptorProto:
    return FieldDescriptorProto(
        name=name,
        number=number,
        label=FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_MESSAGE if message else FieldDescriptorProto.TYPE_BYTES,
        type_name=f".{_PACKAGE}.{message}" if message else None,
    )


_REQUEST = _request_class()
