"""`instrument()` and `uninstrument()`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_llm.config.instrument import ContentCapture, InstrumentSettings, read_settings
from otel_llm.errors import ConfigError
from otel_llm.instrument import guard
from otel_llm.instrument.clients.openai import CLIENT as OPENAI
from otel_llm.instrument.cost import Prices, Rates, read_price_file
from otel_llm.instrument.fields import Client
from otel_llm.instrument.patch import patch_when_imported, unpatch
from otel_llm.instrument.sdk import set_up_sdk
from otel_llm.instrument.stream import end_open_streams
from otel_llm.instrument.telemetry import Telemetry
from otel_llm.instrument.worker import Worker

CLIENTS: Final[tuple[Client, ...]] = (OPENAI,)
_FLUSH_S: Final = 3.0

_worker: Worker | None = None
_active: Telemetry | None = None


def instrument(
    *,
    capture_content: bool | str | ContentCapture | None = None,
    content_limit: int | None = None,
    prices: str | Path | None = None,
    providers: Mapping[str, str] | None = None,
    debug_raise: bool | None = None,
    sdk: bool = True,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> None:
    """Instrument the LLM clients of this process, those that are imported and those that will be.

    Calling it again changes nothing, unless settings are given: then they apply from here on.

    Args:
        capture_content: where messages are recorded: False (nowhere), True (on spans), or NO_CONTENT, SPAN_ONLY,
            EVENT_ONLY, SPAN_AND_EVENT. None: as OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says.
        content_limit: characters of text that one attribute of content keeps.
        prices: a TOML file of own prices.
        providers: provider names of OpenAI-compatible servers, by host or host:port.
        debug_raise: raise failures of the instrumentation itself; for its tests.
        sdk: set up the OpenTelemetry SDK from the OTEL_* variables when nobody has yet; False leaves that alone.
        tracer_provider, meter_provider, logger_provider: used instead of the process's own.

    Raises:
        ConfigError: an argument is wrong. A wrong environment variable is logged instead, and its default used.
    """
    global _active  # noqa: PLW0603 - one instrumentation per process
    settings, problems = read_settings(
        capture_content=capture_content,
        content_limit=content_limit,
        prices=prices,
        providers=providers,
        debug_raise=debug_raise,
    )
    own_providers = (tracer_provider, meter_provider, logger_provider)
    if _active is not None and settings == _active.settings and not any(own_providers):
        return
    for problem in problems:
        guard.log.warning("otel-llm: %s; its default is used", problem)
    guard.raise_failures(settings.debug_raise)
    if sdk and tracer_provider is None:
        set_up_sdk()
    uninstrument()
    _active = Telemetry(
        settings,
        prices=Prices(_own_prices(settings, prices is not None)),
        worker=_the_worker(),
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        logger_provider=logger_provider,
    )
    for client in CLIENTS:
        patch_when_imported(client, _active)


def uninstrument() -> None:
    """Take out again what `instrument` put into the clients. Streams that are open end as they would."""
    global _active  # noqa: PLW0603 - one instrumentation per process
    if _active is None:
        return
    for client in CLIENTS:
        unpatch(client)
    _active.enabled = False
    _active = None
    flush()


def flush(timeout_s: float = _FLUSH_S) -> bool:
    """Return once all that ended is recorded: False if that took longer than the timeout.

    For a process that is frozen or killed rather than exited; then flush the SDK's providers.
    """
    return _worker is None or _worker.flush(timeout_s)


def _own_prices(settings: InstrumentSettings, in_code: bool) -> dict[tuple[str | None, str], Rates]:
    if settings.prices is None:
        return {}
    try:
        return read_price_file(settings.prices)
    except ConfigError as error:
        if in_code:
            raise
        guard.log.warning("otel-llm: %s; no own prices are used", error)
        return {}


def _the_worker() -> Worker:
    global _worker  # noqa: PLW0603 - one thread per process
    if _worker is None:
        _worker = Worker()
        _worker.at_exit(end_open_streams)
    return _worker
