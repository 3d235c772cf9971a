"""The service's own traces, where asked for: a span for each request that is queued and each batch evaluated.

They carry no attribute of GenAI, so that they are not evaluated where they come by again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, TraceFlags, Tracer

from otel_llm import names
from otel_llm.config.service import TraceSettings
from otel_llm.genai.call import Call
from otel_llm.version import __version__

Attribute = str | int | float

_NOTHING: Final[AbstractContextManager[object]] = contextlib.nullcontext()
_MAX_LINKS: Final = 128  # what the SDK keeps of them


class OwnTraces:
    """Makes spans; none, and at no cost, without an endpoint. Any thread may."""

    def __init__(self, settings: TraceSettings) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        if settings.endpoint is None:
            return
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
            resource=Resource.create({names.SERVICE_NAME: "otel-llm", "service.version": __version__}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=f"{settings.endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("otel_llm", __version__)

    def span(
        self, name: str, attributes: Mapping[str, Attribute], calls: Iterable[Call] = ()
    ) -> AbstractContextManager[object]:
        """Return a span that is open inside the context, with links to the spans of these calls."""
        if self._tracer is None:
            return _NOTHING
        links = [_link(call) for call, _ in zip(calls, range(_MAX_LINKS), strict=False)]
        return self._tracer.start_as_current_span(
            name,
            attributes=attributes,
            links=links,
            record_exception=False,  # its message may quote what was said; the log has it
        )

    def close(self) -> None:
        """Send what waits."""
        if self._provider:
            self._provider.shutdown()


def _link(call: Call) -> Link:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return Link(SpanContext(int(call.trace_id, 16), int(call.span_id, 16), is_remote=True, trace_flags=flags))
