"""The service's own traces: a span for each queued request and each evaluated batch, if an endpoint is set.

The spans have no GenAI attribute, so that they are not evaluated if they come back to the service.
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
from otel_llm.config.report import TraceSettings
from otel_llm.genai.call import Call
from otel_llm.version import __version__

Attribute = str | int | float

_NOTHING: Final[AbstractContextManager[object]] = contextlib.nullcontext()
_MAX_LINKS: Final = 128  # the SDK keeps no more links of a span


class OwnTraces:
    """Makes spans of the service; without an endpoint, none and at no cost. Any thread may call."""

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
            record_exception=False,  # the message may quote a call; the log has the exception
        )

    def close(self) -> None:
        """Send the spans that wait."""
        if self._provider:
            self._provider.shutdown()


def _link(call: Call) -> Link:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return Link(SpanContext(int(call.trace_id, 16), int(call.span_id, 16), is_remote=True, trace_flags=flags))
