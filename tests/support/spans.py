"""Trace exports as a sender would write them."""

import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from otlp_sink import key_values

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
START_NS = 1_700_000_000_000_000_000


def chat_attributes(question: str = "What is a llama?", answer: str = "A camelid.", **more: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": json.dumps([message("user", question)]),
        "gen_ai.output.messages": json.dumps([message("assistant", answer) | {"finish_reason": "stop"}]),
        **more,
    }


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def span(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    return Span(
        **{
            "trace_id": bytes.fromhex(TRACE_ID),
            "span_id": bytes.fromhex(SPAN_ID),
            "name": "chat gpt-4o",
            "kind": Span.SPAN_KIND_CLIENT,
            "start_time_unix_nano": START_NS,
            "end_time_unix_nano": START_NS + 1_500_000_000,
            "attributes": key_values(chat_attributes() if attributes is None else attributes),
            **fields,
        }
    )


def request(*spans: Span, service: str | None = "shop") -> ExportTraceServiceRequest:
    resource = Resource(attributes=key_values({"service.name": service} if service else {}))
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])]
    )


def body(*spans: Span, service: str | None = "shop") -> bytes:
    return request(*spans, service=service).SerializeToString()


def unreadable(data: bytes) -> bytes:
    """Return a request whose first span has short input messages, with a value that is no protobuf any more."""
    before, start, rest = data.partition(b'[{"role": "user"')
    assert before[-2] == 0x0A  # the field string_value of AnyValue, before its length
    return before[:-2] + b"\x0f" + before[-1:] + start + rest
