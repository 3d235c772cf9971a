"""What calls are recorded with: the tracer, the metrics, the event logger, prices and settings."""

from __future__ import annotations

from opentelemetry._logs import LoggerProvider, get_logger
from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import TracerProvider, get_tracer

from otel_llm import __version__
from otel_llm.config.instrument import InstrumentSettings
from otel_llm.instrument.cost import Prices
from otel_llm.instrument.metrics import Metrics
from otel_llm.instrument.worker import Worker

_SCOPE = "otel_llm"


class Telemetry:
    """One per `instrument()`. A provider that is None is the process's own, even if that is set up later."""

    def __init__(
        self,
        settings: InstrumentSettings,
        *,
        prices: Prices,
        worker: Worker,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self.enabled = True
        """False after `uninstrument`: something else may have wrapped our patches, and still call them."""
        self.settings = settings
        self.prices = prices
        self.worker = worker
        self.tracer = get_tracer(_SCOPE, __version__, tracer_provider)
        self.metrics = Metrics(get_meter(_SCOPE, __version__, meter_provider))
        self.events = get_logger(_SCOPE, __version__, logger_provider)
