"""Sets up the OpenTelemetry SDK where an app has not."""

from __future__ import annotations

import logging
import re
from typing import Final

from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from otel_llm.config.instrument import default_exporters
from otel_llm.instrument.guard import guarded

_EXPORTERS: Final = "opentelemetry.exporter.otlp.proto.http"
_EXPORTER_LOGGERS: Final = ("trace_exporter", "metric_exporter", "_log_exporter")
_CAUSE: Final = re.compile(r"\[Errno -?\d+\] ([^'\")]+)")


@guarded("setting up the OpenTelemetry SDK")
def set_up_sdk() -> None:
    """Set up the SDK from the environment, as `opentelemetry-instrument` would, unless there is one."""
    if not isinstance(get_tracer_provider(), ProxyTracerProvider):
        return
    # The SDK's own way from the environment to providers; OpenTelemetry's distributions subclass it.
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator  # noqa: PLC0415 - only where it is needed

    _OTelSDKConfigurator().configure(**default_exporters())  # type: ignore[no-untyped-call]
    once = _SaidOnce()
    for name in _EXPORTER_LOGGERS:
        logging.getLogger(f"{_EXPORTERS}.{name}").addFilter(once)


class _SaidOnce(logging.Filter):
    """Makes one line of the exporters' many: each attempt of each signal is logged, into the app's own output."""

    def __init__(self) -> None:
        super().__init__()
        self._said = False

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        if self._said:
            return False
        self._said = True
        text = record.getMessage()
        cause = _CAUSE.search(text)
        record.msg = "otel-llm: telemetry was not delivered: %s (said once; the app is not affected)"
        record.args = (cause[1] if cause else text[:200],)
        record.exc_info = None
        return True
