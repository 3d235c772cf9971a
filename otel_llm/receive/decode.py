"""The body of an OTLP trace export to calls. The one place that knows how a span lies in protobuf."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llm import names
from otel_llm.errors import DecodeError
from otel_llm.receive.attributes import Attributes
from otel_llm.receive.call import Call
from otel_llm.receive.genai import MARKER, SpanFacts, read_call
from otel_llm.receive.shell import read_spans

_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a request holds."""

    calls: list[Call] = field(default_factory=list)
    spans: int
    """All spans in it, of whatever kind."""
    rejected: list[str] = field(default_factory=list)
    """One reason per span that could not be read."""


def decode(body: bytes) -> Decoded:
    """Return the calls in an ExportTraceServiceRequest; a span that is malformed costs only itself.

    Raises:
        DecodeError: the body is no such request.
    """
    resources = read_spans(body)
    decoded = Decoded(spans=sum(len(spans) for _, spans in resources))
    if MARKER not in body:
        return decoded
    for resource, spans in resources:
        genai = [span for span in spans if MARKER in span]
        if genai:
            _decode_resource(resource, genai, decoded)
    return decoded


def _decode_resource(resource: bytes, spans: list[bytes], decoded: Decoded) -> None:
    try:
        service = _service_name(resource)
    except ProtobufDecodeError as error:
        decoded.rejected.extend([f"its resource is malformed: {error}"] * len(spans))
        return
    for span in spans:
        try:
            call = _decode_span(span, service)
        except (DecodeError, ProtobufDecodeError) as error:
            decoded.rejected.append(str(error))
        else:
            if call is not None:
                decoded.calls.append(call)


def _service_name(resource: bytes) -> str:
    return Attributes(Resource.FromString(resource).attributes).text(names.SERVICE_NAME) or "unknown_service"


def _decode_span(data: bytes, service: str) -> Call | None:
    span = Span.FromString(data)
    if len(span.trace_id) != _TRACE_ID_BYTES or not any(span.trace_id):
        raise DecodeError(f"trace_id must be {_TRACE_ID_BYTES} bytes, not all zero, got {span.trace_id.hex()!r}")
    if len(span.span_id) != _SPAN_ID_BYTES or not any(span.span_id):
        raise DecodeError(f"span_id must be {_SPAN_ID_BYTES} bytes, not all zero, got {span.span_id.hex()!r}")
    facts = SpanFacts(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        service=service,
        start_ns=span.start_time_unix_nano,
        # clocks step back; a negative duration would be refused by every histogram
        duration_s=max(0, span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
    )
    try:
        return read_call(Attributes(span.attributes), facts)
    except (DecodeError, RecursionError) as error:
        raise DecodeError(f"span {facts.span_id} of trace {facts.trace_id}: {error}") from error
