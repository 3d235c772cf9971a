"""Sets up the OpenTelemetry SDK for an app that has not done so."""

from __future__ import annotations

import logging
import re
from typing import Final

from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from otel_llm.config.sdk_environment import default_exporters
from otel_llm.instrument.guard import guarded

_EXPORTERS: Final = "opentelemetry.exporter.otlp.proto.http"
_EXPORTER_LOGGERS: Final = ("trace_exporter", "metric_exporter", "_log_exporter")
# the wording of a cause in opentelemetry-exporter-otlp-common 1.45, `http.py`; any other text is its own cause
_CAUSES: Final = (
    re.compile(r"\[Errno -?\d+\] ([^'\")]+?)(?:['\")]| encountered|$)"),
    re.compile(r"code: (?:None|(\d+)), reason: (.+)", re.DOTALL),
    re.compile(r"Transient error (.+) encountered while exporting", re.DOTALL),
    re.compile(r"Failed to export \w+ batch (due to timeout, max retries or shutdown)"),
)
_GIVING_UP: Final = "max retries"
_AT_EXIT: Final = ("Exporter already shutdown", "Shutdown in progress")
_VARYING: Final = re.compile(r"0x[0-9a-f]+|\d+\.\d+|\d{4,}")  # addresses, seconds, bytes: they make no new cause
_CAUSES_LIMIT: Final = 100  # causes; texts that differ each time must not fill the memory or the app's output


@guarded("setting up the OpenTelemetry SDK")
def set_up_sdk() -> None:
    """Set up the SDK from the environment, as `opentelemetry-instrument` would, unless one is set up already."""
    if not isinstance(get_tracer_provider(), ProxyTracerProvider):
        return
    # The SDK's own way from the environment to providers; OpenTelemetry's distributions subclass this class.
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator  # noqa: PLC0415 - only where it is needed

    _OTelSDKConfigurator().configure(**default_exporters())  # type: ignore[no-untyped-call]
    once = _SaidOnce()
    for name in _EXPORTER_LOGGERS:
        logging.getLogger(f"{_EXPORTERS}.{name}").addFilter(once)


class _SaidOnce(logging.Filter):
    """A log filter that keeps one line for each cause: the exporters log each attempt for each signal."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()
        self._retrying: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        text = record.getMessage()
        if self._ends_a_retry(record.name, text):
            return False
        cause = _cause(text)
        key = _VARYING.sub("", cause)
        if key in self._said or len(self._said) >= _CAUSES_LIMIT:
            return False
        self._said.add(key)
        record.msg = "otel-llm: telemetry was not delivered: %s (said once; the app is not affected)"
        record.args = (cause,)
        record.exc_info = None
        return True

    def _ends_a_retry(self, signal: str, text: str) -> bool:
        """Return True if the record only reports the end of retries, whose cause was logged when they began."""
        if text.startswith("Transient error"):
            self._retrying.add(signal)
            return False
        if _GIVING_UP in text and signal in self._retrying:
            self._retrying.remove(signal)
            return True
        return text.startswith(_AT_EXIT) and bool(self._said)


def _cause(text: str) -> str:
    found = next(filter(None, (cause.search(text) for cause in _CAUSES)), None)
    return (" ".join(filter(None, found.groups())) if found else text)[:200]
