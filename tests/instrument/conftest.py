"""The scripted model of `otel-llm serve` behind a real socket, and what is exported, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.model_server import served_script

import otel_llm
from otel_llm.instrument import guard
from otel_llm.instrument.setup import flush

SCRIPT = Path(__file__).with_name("script.toml")
PRICES = Path(__file__).with_name("prices.toml")


@dataclass
class Exported:
    """What an instrumented call exported."""

    span_exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metric_reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    log_exporter: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)

    def __post_init__(self) -> None:
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.span_exporter))
        self.meter_provider = MeterProvider([self.metric_reader])
        self.logger_provider = LoggerProvider()
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.log_exporter))

    def instrument(self, **settings: Any) -> None:
        otel_llm.instrument(
            **{
                "prices": PRICES,
                "debug_raise": True,
                "tracer_provider": self.tracer_provider,
                "meter_provider": self.meter_provider,
                "logger_provider": self.logger_provider,
                **settings,
            }
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        _flush()
        return list(self.span_exporter.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    @property
    def logs(self) -> list[Any]:
        return [data.log_record for data in self.log_exporter.get_finished_logs()]

    def points(self, name: str) -> list[Any]:
        """Return the data points of one metric."""
        _flush()
        data = self.metric_reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def metric_names(self) -> set[str]:
        _flush()
        data = self.metric_reader.get_metrics_data()
        return {
            metric.name
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def _flush() -> None:
    assert flush(10)


@pytest.fixture
def exported() -> Iterator[Exported]:
    """Exporters in memory; the test calls `instrument` on it."""
    exported = Exported()
    yield exported
    otel_llm.uninstrument()
    guard.raise_failures(False)
    guard._reported.clear()
    for provider in (exported.tracer_provider, exported.meter_provider, exported.logger_provider):
        provider.shutdown()


@pytest.fixture
def instrumented(exported: Exported) -> Exported:
    """Exporters in memory, and the client instrumented, without content."""
    exported.instrument()
    return exported


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `otel-llm serve --scripted-only`."""
    with served_script(SCRIPT, tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="none", base_url=base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def async_client(base_url: str) -> openai.AsyncOpenAI:
    """Each test enters it in its own event loop: `async with async_client`."""
    return openai.AsyncOpenAI(api_key="none", base_url=base_url, max_retries=0)
