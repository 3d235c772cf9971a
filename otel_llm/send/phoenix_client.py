"""Results as span annotations, to a Phoenix: it takes spans over OTLP, and no logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_llm.errors import DecodeError
from otel_llm.otlp.signals import Signal
from otel_llm.send.http_client import HttpClient
from otel_llm.send.reply import Reply
from otel_llm.send.span_annotations import annotations_of, of_spans, read_results, records, without_spans

_SPAN_ID: Final = re.compile(r"\b[0-9a-f]{16}\b")
_NOT_FOUND: Final = "HTTP 404"


class PhoenixClient(HttpClient):
    """A client of Phoenix's REST API. Any thread may call.

    Without `sync=true` Phoenix answers 200 at once, looks for the spans a few times, and drops the annotations of
    spans that come later. With it, a request with one unknown span is refused as a whole: the results of the known
    spans are sent again, the others are for later.
    """

    reason_characters = 64 << 10  # the refusal lists the unknown spans

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once to deliver the results in a serialized ExportLogsServiceRequest."""
        try:
            results = read_results(body)
        except DecodeError as error:
            return Reply("refused", str(error))
        reply = self._annotate(results, headers)
        if reply.kind != "refused" or _NOT_FOUND not in reply.reason:
            return reply
        missing = {record.span_id.hex() for record in records(results)} & set(_SPAN_ID.findall(reply.reason))
        if not missing:  # the address is wrong
            return reply
        known = without_spans(results, missing)
        if records(known):
            second = self._annotate(known, headers)
            if second.kind != "delivered":
                return second if second.kind == "retry" or _NOT_FOUND not in second.reason else _again(second)
        late = of_spans(results, missing)
        reason = f"{len(missing)} spans are not in Phoenix, such as {min(missing)}"
        return Reply("delivered", reason, later=late.SerializeToString(), later_items=len(records(late)))

    def _annotate(self, results: ExportLogsServiceRequest, headers: Mapping[str, str]) -> Reply:
        said = annotations_of(results)
        if not said:
            return Reply("delivered")
        body = json.dumps({"data": said}, allow_nan=False).encode()
        return self.post("/v1/span_annotations?sync=true", body, headers, "application/json")


def _again(reply: Reply) -> Reply:
    """Return the reply to a request with a span that was deleted between two attempts."""
    return Reply("retry", reply.reason)
