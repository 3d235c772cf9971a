"""OTLP's requests down to their items, which stay bytes: one bad item cannot spoil its neighbours.

Schemas of our own that leave out what is not needed. Protobuf keeps the fields that they do not name, and writes
them back: a request that loses an item keeps everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message_factory import GetMessageClass

from otel_llm.errors import DecodeError
from otel_llm.receive.signals import SIGNALS, Signal

_PACKAGE: Final = "otel_llm.shell"


def read_request(signal: Signal, body: bytes) -> Any:
    """Return an Export*ServiceRequest whose items are bytes: `resources`, their `scopes`, their `items`.

    Raises:
        DecodeError: the body is not such a request.
    """
    try:
        return _REQUEST.FromString(body)
    except ProtobufDecodeError as error:
        raise DecodeError(f"the body is no {SIGNALS[signal].request.DESCRIPTOR.name}: {error}") from error


def scopes(request: Any) -> Iterator[Any]:
    """Return the scopes of a request, each with its `items`."""
    return (scope for resource in request.resources for scope in resource.scopes)


def read_spans(body: bytes) -> list[tuple[bytes, list[bytes]]]:
    """Return, per resource of an ExportTraceServiceRequest, the serialized Resource and its serialized Spans.

    Raises:
        DecodeError: the body is not such a request.
    """
    request = read_request("traces", body)
    return [
        (entry.resource, [span for scope in entry.scopes for span in scope.items]) for entry in request.resources
    ]


def request_of(resource: bytes, item: bytes) -> bytes:
    """Return an Export*ServiceRequest with one item, which need not be well-formed."""
    request = _REQUEST()
    entry = request.resources.add(resource=resource)
    entry.scopes.add(items=[item])
    return bytes(request.SerializeToString())


def read_ids(span: bytes) -> tuple[bytes, bytes]:
    """Return a Span's trace id and span id, as they are.

    Raises:
        DecodeError: the bytes are no Span.
    """
    try:
        ids = _IDS.FromString(span)
    except ProtobufDecodeError as error:
        raise DecodeError(f"a span is no Span: {error}") from error
    return ids.trace_id, ids.span_id


def count_points(metric: bytes) -> int:
    """Return how many data points a Metric has.

    Raises:
        DecodeError: the bytes are no Metric.
    """
    try:
        fields = _METRIC.FromString(metric)
    except ProtobufDecodeError as error:
        raise DecodeError(f"a metric is no Metric: {error}") from error
    return sum(len(getattr(fields, kind).points) for kind in _POINTS)


# Field numbers: opentelemetry-proto v1, trace.proto, logs.proto, metrics.proto. Resources, scopes and items have
# the same numbers in all three.
_POINTS: Final = {"gauge": 5, "sum": 7, "histogram": 9, "exponential_histogram": 10, "summary": 11}


def _message_classes() -> dict[str, Any]:
    file = FileDescriptorProto(name="otel_llm/shell.proto", package=_PACKAGE, syntax="proto3")
    messages: dict[str, Iterable[FieldDescriptorProto]] = {
        "Request": [_field("resources", 1, "Resource", repeated=True)],
        "Resource": [_field("resource", 1), _field("scopes", 2, "Scope", repeated=True)],
        "Scope": [_field("items", 2, repeated=True)],
        "Ids": [_field("trace_id", 1), _field("span_id", 2)],
        "Metric": [_field(name, number, "Points") for name, number in _POINTS.items()],
        "Points": [_field("points", 1, repeated=True)],
    }
    for name, fields in messages.items():
        file.message_type.add(name=name, field=fields)
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in messages}


def _field(name: str, number: int, message: str | None = None, *, repeated: bool = False) -> FieldDescriptorProto:
    return FieldDescriptorProto(
        name=name,
        number=number,
        label=FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_MESSAGE if message else FieldDescriptorProto.TYPE_BYTES,
        type_name=f".{_PACKAGE}.{message}" if message else None,
    )


_CLASSES: Final = _message_classes()
_REQUEST, _IDS, _METRIC = _CLASSES["Request"], _CLASSES["Ids"], _CLASSES["Metric"]
