"""OpenTelemetry's own instrumentation of OpenAI's client; its settings, by environment, choose the conventions."""

import importlib.util
from typing import Any

from openai_calls import make_calls
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

resource = Resource({"service.name": "captured"})
spans, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
spans.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
settings: dict[str, Any] = {"tracer_provider": spans, "logger_provider": logs}
if importlib.util.find_spec("opentelemetry.sdk._events"):  # versions of before 1.37 of the conventions
    from opentelemetry.sdk._events import EventLoggerProvider

    settings["event_logger_provider"] = EventLoggerProvider(logs)
OpenAIInstrumentor().instrument(**settings)
make_calls()
spans.shutdown()
logs.shutdown()
