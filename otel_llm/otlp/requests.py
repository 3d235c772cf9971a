"""OTLP's requests, parsed down to their items, which stay bytes: a malformed item cannot spoil the others.

The schemas are our own, and leave out the fields that are not needed. Protobuf keeps those fields and writes them
back: a request that loses an item keeps everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from otel_llm.errors import DecodeError
from otel_llm.otlp.schema import Field, message_classes
from otel_llm.otlp.signals import SIGNALS, Signal


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
    """Return an Export*ServiceRequest with one item, which may be malformed."""
    request = _REQUEST()
    entry = request.resources.add(resource=resource)
    entry.scopes.add(items=[item])
    return bytes(request.SerializeToString())


def read_ids(span: bytes) -> tuple[bytes, bytes]:
    """Return a Span's trace id and span id, unchecked.

    Raises:
        DecodeError: the bytes are no Span.
    """
    try:
        ids = _IDS.FromString(span)
    except ProtobufDecodeError as error:
        raise DecodeError(f"a span is no Span: {error}") from error
    return ids.trace_id, ids.span_id


def count_points(metric: bytes) -> int:
    """Return the number of data points of a Metric.

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
_CLASSES: Final = message_classes(
    "otel_llm.shell",
    {
        "Request": {"resources": Field(1, "Resource", repeated=True)},
        "Resource": {"resource": Field(1), "scopes": Field(2, "Scope", repeated=True)},
        "Scope": {"items": Field(2, repeated=True)},
        "Ids": {"trace_id": Field(1), "span_id": Field(2)},
        "Metric": {name: Field(number, "Points") for name, number in _POINTS.items()},
        "Points": {"points": Field(1, repeated=True)},
    },
)
_REQUEST, _IDS, _METRIC = _CLASSES["Request"], _CLASSES["Ids"], _CLASSES["Metric"]
