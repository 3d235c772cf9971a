"""The objects that record calls: the tracer, the metrics, content, prices and settings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from opentelemetry._logs import LoggerProvider, get_logger
from opentelemetry.trace import TracerProvider, get_tracer

from otel_llm.config.instrument import InstrumentSettings
from otel_llm.instrument.content.capture import Capture
from otel_llm.instrument.contract.client import LlmClient, Patch
from otel_llm.instrument.cost.prices import Prices
from otel_llm.instrument.lifecycle.attributes import renamed
from otel_llm.instrument.lifecycle.forked_metrics import start_at_zero
from otel_llm.instrument.servers import Servers
from otel_llm.instrument.worker import BackgroundWorker
from otel_llm.version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from otel_llm.instrument.lifecycle.metrics import Metrics

SCOPE = "otel_llm"


class SdkProviders(NamedTuple):
    """OpenTelemetry's providers. None means the process's own provider, even if that is set up later."""

    tracer: TracerProvider | None = None
    meter: MeterProvider | None = None
    logger: LoggerProvider | None = None

    def over(self, others: SdkProviders) -> SdkProviders:
        """Return these providers; each None is replaced by the other object's provider."""
        return SdkProviders(self.tracer or others.tracer, self.meter or others.meter, self.logger or others.logger)


class CallTelemetry:
    """The objects that record calls. Made anew by each `instrument()` that changes anything."""

    def __init__(
        self,
        settings: InstrumentSettings,
        *,
        prices: Prices,
        worker: BackgroundWorker,
        providers: SdkProviders,
    ) -> None:
        self.enabled = True
        """False after `uninstrument`: other code may have wrapped our patches, and may still call them."""
        self.settings = settings
        self.prices = prices
        self.worker = worker
        self.providers = providers
        self.tracer = get_tracer(SCOPE, __version__, providers.tracer)
        self.capture = Capture(settings, get_logger(SCOPE, __version__, providers.logger), worker)
        self.servers = Servers(settings.providers)
        self.renamed_attributes = renamed(settings.attribute_names or settings.metric_names)

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics. Made off the app's path when the first call is recorded, as the metrics API is slow."""
        from opentelemetry.metrics import get_meter  # noqa: PLC0415

        from otel_llm.instrument.lifecycle.metrics import Metrics  # noqa: PLC0415
        from otel_llm.instrument.sdk_order import warn_of_missing  # noqa: PLC0415

        warn_of_missing(self.providers.tracer, self.providers.meter)
        return Metrics(get_meter(SCOPE, __version__, self.providers.meter), self.settings.metric_names)

    def start_anew(self) -> None:
        """Start the metrics at zero: this process has been forked, and its parent reports what it has counted."""
        if self.__dict__.pop("metrics", None) is not None:
            from opentelemetry.metrics import get_meter_provider  # noqa: PLC0415

            start_at_zero(self.providers.meter or get_meter_provider(), SCOPE)


InstrumentedClient: TypeAlias = LlmClient[CallTelemetry]
"""A client library whose calls `CallTelemetry` records."""
InstrumentedPatch: TypeAlias = Patch[CallTelemetry]
"""One patch of such a library."""
