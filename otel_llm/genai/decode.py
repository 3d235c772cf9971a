"""Everything the service needs to read spans and log records of any dialect."""

from __future__ import annotations

from otel_llm.genai.content_events import ContentEvent, read_content_events
from otel_llm.genai.joined_call import with_content, with_documents
from otel_llm.genai.span_outline import SpanOutline, is_genai, peek_status, read_span, service_name

__all__ = [
    "ContentEvent",
    "SpanOutline",
    "is_genai",
    "peek_status",
    "read_content_events",
    "read_span",
    "service_name",
    "with_content",
    "with_documents",
]
