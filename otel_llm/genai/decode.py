"""What the service reads of spans and log records, whatever dialect they are written in."""

from __future__ import annotations

from otel_llm.genai.content_events import ContentEvent, read_content_events
from otel_llm.genai.joined import with_content, with_documents
from otel_llm.genai.span_outline import SpanOutline, glance, is_genai, read_span, service_name

__all__ = [
    "ContentEvent",
    "SpanOutline",
    "glance",
    "is_genai",
    "read_content_events",
    "read_span",
    "service_name",
    "with_content",
    "with_documents",
]
