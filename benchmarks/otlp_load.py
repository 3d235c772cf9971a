"""Trace exports for the service's benchmarks: spans with 15 attributes and 1 kB of messages each."""

from __future__ import annotations

import json
import os

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

BATCH = 100
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROSE = "the llama walks slowly up a steep hill and looks at clouds while its keeper reads old letters aloud"


def request(genai_share: float, spans: int = BATCH) -> bytes:
    """Return a serialized request with that share of GenAI spans, and ids of its own."""
    kinds = [genai_span if number < genai_share * spans else http_span for number in range(spans)]
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource={"attributes": [key_value("service.name", "shop")]},
                scope_spans=[ScopeSpans(spans=[kind(number) for number, kind in enumerate(kinds)])],
            )
        ]
    ).SerializeToString()


def genai_span(number: int) -> Span:
    question, answer = text(number, 300), text(number + 7, 600)
    return span(
        number,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 256,
            "gen_ai.response.id": f"chatcmpl-{number}",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 150,
            "gen_ai.usage.cost": 0.000105,
            "gen_ai.conversation.id": f"conversation-{number}",
            "server.address": "api.openai.com",
            "server.port": 443,
            "gen_ai.input.messages": messages("user", question),
            "gen_ai.output.messages": messages("assistant", answer),
        },
    )


def http_span(number: int) -> Span:
    attributes: dict[str, str | int | float] = {f"app.attribute.{index}": f"value {index}" for index in range(13)}
    return span(number, attributes | {"http.request.method": "GET", "app.note": text(number, 1000)})


def span(number: int, attributes: dict[str, str | int | float]) -> Span:
    return Span(
        trace_id=os.urandom(16),
        span_id=os.urandom(8),
        name="chat gpt-4o-mini",
        start_time_unix_nano=1_700_000_000_000_000_000 + number,
        end_time_unix_nano=1_700_000_001_000_000_000 + number,
        attributes=[key_value(key, value) for key, value in attributes.items()],
    )


def key_value(key: str, value: str | float) -> KeyValue:
    field = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
    return KeyValue(key=key, value=AnyValue(**{field: value}))


def messages(role: str, content: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}], "finish_reason": "stop"}])


def text(seed: int, length: int) -> str:
    words = PROSE.split()
    return " ".join(words[(seed * 31 + index * 7) % len(words)] for index in range(length))[:length]
