"""What calls are recorded with: the tracer, the metrics, content, prices and settings."""

from __future__ import annotations

from typing import NamedTuple

from opentelemetry._logs import LoggerProvider, get_logger
from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import TracerProvider, get_tracer

from otel_llm import __version__
from otel_llm.config.instrument import InstrumentSettings
from otel_llm.instrument.capture import Capture
from otel_llm.instrument.cost import Prices
from otel_llm.instrument.metrics import Metrics
from otel_llm.instrument.providers import Servers
from otel_llm.instrument.worker import Worker

_SCOPE = "otel_llm"


class Providers(NamedTuple):
    """OpenTelemetry's providers. One that is None is the process's own, even if that is set up later."""

    tracer: TracerProvider | None = None
    meter: MeterProvider | None = None
    logger: LoggerProvider | None = None

    def over(self, others: Providers) -> Providers:
        """Return these, and the others' where there is none."""
        return Providers(self.tracer or others.tracer, self.meter or others.meter, self.logger or others.logger)


class Telemetry:
    """One per `instrument()` that changes anything."""

    def __init__(
        self,
        settings: InstrumentSettings,
        *,
        prices: Prices,
        worker: Worker,
        providers: Providers,
    ) -> None:
        self.enabled = True
        """False after `uninstrument`: something else may have wrapped our patches, and still call them."""
        self.settings = settings
        self.prices = prices
        self.worker = worker
        self.providers = providers
        self.tracer = get_tracer(_SCOPE, __version__, providers.tracer)
        self.metrics = Metrics(get_meter(_SCOPE, __version__, providers.meter))
        self.capture = Capture(settings, get_logger(_SCOPE, __version__, providers.logger))
        self.servers = Servers(settings.providers)
