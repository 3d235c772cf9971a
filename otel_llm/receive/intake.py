"""What happens to a trace export, whichever transport brought it: decode, hand over, answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.errors import DecodeError
from otel_llm.receive.call import Call
from otel_llm.receive.decode import Decoded, decode
from otel_llm.receive.refusal import Reason, Refusal

Transport = Literal["grpc", "http"]

_RETRY_AFTER_S = 1
_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where calls go: the batcher."""

    def submit(self, calls: Sequence[Call]) -> bool:
        """Take all calls, or none: return whether they were taken. Never blocks."""


class Counts(Protocol):
    """Who counts spans: the metrics."""

    def received(self, transport: Transport, *, accepted: int = 0, refused: int = 0) -> None:
        """Add to the counts of one transport."""


class Intake:
    """Takes the bodies of trace exports."""

    def __init__(self, sink: Sink, counts: Counts) -> None:
        self._sink = sink
        self._counts = counts

    def take(self, body: bytes, transport: Transport, rejected: Sequence[str] = ()) -> ExportTraceServiceResponse:
        """Return the answer to a decompressed body in protobuf.

        Args:
            body: a serialized ExportTraceServiceRequest.
            transport: what brought it.
            rejected: why further spans of the request were left out of it already, one reason each.

        Raises:
            Refusal: the body is malformed, or there is no room for its calls now.
        """
        try:
            decoded = decode(body)
        except DecodeError as error:
            raise Refusal(Reason.MALFORMED, str(error)) from error
        if rejected:
            decoded = replace(
                decoded, spans=decoded.spans + len(rejected), rejected=[*rejected, *decoded.rejected]
            )
        if decoded.calls and not self._sink.submit(decoded.calls):
            self._counts.received(transport, refused=decoded.spans)
            raise Refusal(
                Reason.OVERLOAD,
                f"the queue of calls to evaluate is full; try again in {_RETRY_AFTER_S} s",
                retry_after_s=_RETRY_AFTER_S,
            )
        refused = len(decoded.rejected)
        self._counts.received(transport, accepted=decoded.spans - refused, refused=refused)
        return _response(decoded)


def _response(decoded: Decoded) -> ExportTraceServiceResponse:
    response = ExportTraceServiceResponse()
    if decoded.rejected:  # left unset on full success, as OTLP demands
        more = len(decoded.rejected) - 1
        message = decoded.rejected[0] + (f" (and {more} more)" if more else "")
        _log.warning("%d of %d spans rejected: %s", len(decoded.rejected), decoded.spans, message)
        response.partial_success.rejected_spans = len(decoded.rejected)
        response.partial_success.error_message = message
    return response
