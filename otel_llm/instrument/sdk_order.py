"""Says which of OpenTelemetry's providers are missing, or came too late, and how to mend it: one line each."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import ProxyTracerProvider, TracerProvider, get_tracer_provider

from otel_llm.instrument.guard import guarded, log

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

# who logs "Overriding of current TracerProvider is not allowed" in opentelemetry-api 1.45
_LOGGERS: Final = ("opentelemetry.trace", "opentelemetry.metrics._internal", "opentelemetry._logs._internal")
_REFUSED: Final = "Overriding of current"
_LAUNCHER: Final = "opentelemetry.instrumentation.auto_instrumentation"
_BY_LAUNCHER: Final = (
    "otel-llm run and opentelemetry-instrument set up OpenTelemetry before the program starts: leave out the "
    "program's own set-up, or start it without them and call otel_llm.instrument() after that set-up"
)
_BY_US: Final = (
    "otel_llm.instrument() has set up OpenTelemetry before: call it after the application's own set-up (such as "
    "logfire.configure()), or with sdk=False"
)


class _Explains(logging.Filter):
    """A log filter that adds to the first refusal of a provider: who has set one before, and what to do."""

    def __init__(self, explanation: str) -> None:
        super().__init__()
        self.explanation = explanation
        self._is_said = False

    def filter(self, record: logging.LogRecord) -> bool:
        if record.getMessage().startswith(_REFUSED) and not self._is_said:
            self._is_said = True
            record.msg, record.args = f"{record.getMessage()}; {self.explanation}", ()
        return True


def explain_refusals(*, by_us: bool) -> None:
    """Explain the refusal of providers that the app sets later, if we or a launcher have set providers before."""
    if not by_us and _LAUNCHER not in sys.modules:
        return
    explains = _Explains(_BY_LAUNCHER if _LAUNCHER in sys.modules else _BY_US)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, _Explains) for each in logger.filters):
            logger.addFilter(explains)


@guarded("looking for OpenTelemetry's providers")
def warn_of_missing(tracer: TracerProvider | None, meter: MeterProvider | None) -> None:
    """Log that spans, or metrics, go nowhere, if the app has set a provider for the other alone.

    Args:
        tracer: the provider given to `instrument()`. None means the process's.
        meter: likewise.
    """
    # slow: this runs with the first call, off the app's path
    from opentelemetry.metrics import get_meter_provider  # noqa: PLC0415
    from opentelemetry.metrics._internal import _ProxyMeterProvider  # noqa: PLC0415

    lacks_tracer = tracer is None and isinstance(get_tracer_provider(), ProxyTracerProvider)
    lacks_meter = meter is None and isinstance(get_meter_provider(), _ProxyMeterProvider)
    if lacks_meter and not lacks_tracer:
        log.warning(
            "otel-llm: a TracerProvider is set and no MeterProvider: metrics and cost go nowhere; set one with "
            "opentelemetry.metrics.set_meter_provider(), a NoOpMeterProvider if you want none"
        )
    elif lacks_tracer and not lacks_meter:
        log.warning(
            "otel-llm: a MeterProvider is set and no TracerProvider: spans go nowhere; set one with "
            "opentelemetry.trace.set_tracer_provider(), a NoOpTracerProvider if you want none"
        )
