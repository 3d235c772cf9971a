"""A dead letter: what could not be done, why, and the request that it concerns.

The body is a request of OTLP with the items concerned and their resource: it can be sent again as it is.
"""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC, datetime
from typing import Annotated, Final

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from otel_llm.dead_letters.stage import Stage
from otel_llm.errors import DecodeError
from otel_llm.otlp.requests import read_ids, read_request, read_spans, scopes
from otel_llm.otlp.signals import Signal

_DESCRIBED_SPANS: Final = 5

_Base64 = Annotated[
    bytes,
    BeforeValidator(lambda value: base64.b64decode(value, validate=True) if isinstance(value, str) else value),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str, when_used="json"),
]


class LetterSpan(BaseModel):
    """A span that a letter is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str
    """Trace id in hex."""
    span_id: str
    """Span id in hex."""
    name: str = ""
    """Name of the span; empty where it is not known."""


class Letter(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: datetime
    """Time at which the service gave up."""
    stage: Stage
    """Stage that failed."""
    reason: str
    """Cause of the failure."""
    signal: Signal
    """Signal of the request in the body."""
    tenant: str
    """Tenant that sent the items; empty without tenants."""
    items: int
    """Number of spans, log records or metrics in the body; 0 where the body cannot be read at all."""
    spans: tuple[LetterSpan, ...]
    """Spans in the body, or spans that its log records belong to."""
    body: _Base64
    """A serialized request of OTLP."""

    def line(self) -> bytes:
        """Return the line of the file."""
        return self.model_dump_json().encode() + b"\n"

    def summary(self) -> str:
        """Return a description for the log, without content: signal, number of items, ids of the first spans."""
        more = len(self.spans) - _DESCRIBED_SPANS
        ids = ", ".join(f"{span.trace_id}/{span.span_id}" for span in self.spans[:_DESCRIBED_SPANS])
        about = (f", spans {ids}" if ids else "") + (f" and {more} more" if more > 0 else "")
        return f"{self.signal}, {self.items} items{about}"


def new_letter(stage: Stage, reason: str, signal: Signal, tenant: str, body: bytes) -> Letter:
    """Return a letter of now about a request, which need not be well-formed."""
    items, spans = _contents(signal, body)
    return Letter(
        time=datetime.now(UTC), stage=stage, reason=reason, signal=signal, tenant=tenant,
        items=items, spans=spans, body=body,
    )  # fmt: skip


def _contents(signal: Signal, body: bytes) -> tuple[int, tuple[LetterSpan, ...]]:
    """Return the number of items in a body, and their spans, as far as the body can be read."""
    items = 0
    spans: tuple[LetterSpan, ...] = ()
    with contextlib.suppress(DecodeError, ProtobufDecodeError):  # such a body can be why there is a letter
        items = sum(len(scope.items) for scope in scopes(read_request(signal, body)))
        if signal != "metrics":
            spans = _spans(body) if signal == "traces" else _spans_of_logs(body)
    return items, spans


def _spans(body: bytes) -> tuple[LetterSpan, ...]:
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except ProtobufDecodeError:  # a malformed span may be the reason for the letter
        ids = [read_ids(span) for _, spans in read_spans(body) for span in spans]
        return tuple(LetterSpan(trace_id=trace.hex(), span_id=span.hex()) for trace, span in ids)
    return tuple(
        LetterSpan(trace_id=span.trace_id.hex(), span_id=span.span_id.hex(), name=span.name)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


def _spans_of_logs(body: bytes) -> tuple[LetterSpan, ...]:
    request = ExportLogsServiceRequest.FromString(body)
    ids = dict.fromkeys(
        (log.trace_id.hex(), log.span_id.hex())
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for log in scope.log_records
        if log.trace_id
    )
    return tuple(LetterSpan(trace_id=trace, span_id=span) for trace, span in ids)
