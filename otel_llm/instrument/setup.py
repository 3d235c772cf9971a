"""`instrument()` and `uninstrument()`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_llm.config.instrument import InstrumentSettings, override_settings, read_settings
from otel_llm.config.instrument_values import ClientSpans, ContentCapture, ConventionNames, SurroundingSpans
from otel_llm.errors import ConfigError
from otel_llm.instrument import guard
from otel_llm.instrument.cost.prices import Prices
from otel_llm.instrument.lifecycle import late_spans
from otel_llm.instrument.lifecycle.patch import patch_clients, unpatch_clients
from otel_llm.instrument.lifecycle.reading import leave_open_streams_to_the_parent
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, SdkProviders
from otel_llm.instrument.process_end.process_end import ProcessEnd
from otel_llm.instrument.scope.threads import restore_threads
from otel_llm.instrument.sdk import set_up_sdk
from otel_llm.instrument.worker import BackgroundWorker, after_fork_in_child

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from otel_llm.instrument.cost.own_prices import OwnPrices

_FLUSH_S: Final = 3.0

_changing: Final = threading.RLock()
_worker: BackgroundWorker | None = None
_process_end: ProcessEnd | None = None
_active: CallTelemetry | None = None


def instrument(
    *,
    capture_content: bool | str | ContentCapture | None = None,
    content_limit: int | None = None,
    redact: str | Callable[[str], str] | Iterable[str | Callable[[str], str]] | None = None,
    prices: str | Path | None = None,
    providers: Mapping[str, str] | None = None,
    metric_names: str | ConventionNames | None = None,
    attribute_names: str | ConventionNames | None = None,
    client_spans: str | ClientSpans | None = None,
    surrounding_spans: str | SurroundingSpans | None = None,
    exit_timeout_s: float | None = None,
    debug_raise: bool | None = None,
    sdk: bool = True,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> None:
    """Instrument the LLM clients of this process: the imported clients now, others when they are imported.

    A further call without arguments changes nothing. Settings or providers of a further call apply from then on,
    and all others stay unchanged.

    Args:
        capture_content: the place of messages: False (nowhere), True (on spans), or NO_CONTENT, SPAN_ONLY,
            EVENT_ONLY, SPAN_AND_EVENT. None: by OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT.
        content_limit: maximum length of one content attribute, in characters of JSON.
        redact: patterns to redact in content: email, phone, card, key, iban, or all, comma-separated; a function
            from text to text; or a list of both. If a function raises, the call's content is not recorded.
        prices: a TOML file of own prices.
        providers: provider names of OpenAI-compatible servers, by host or host:port.
        metric_names: the conventions' names of the emitted metrics: `deployed`, `newest` or `both`.
        attribute_names: the same choice for span attributes that were renamed; by default that of `metric_names`.
        client_spans: the span for calls of clients that emit spans by themselves: `replace` (ours; the client
            opens none) or `complete` (the client's own, with the missing data added).
        surrounding_spans: the span for calls inside the span of another instrumentation for the same call:
            `complete` (the other's, with the missing data added) or `ignore` (ours, inside the other's).
        exit_timeout_s: seconds that the end of the process waits at most until its calls are delivered.
        debug_raise: raise failures of the instrumentation itself; for its tests.
        sdk: True sets up the OpenTelemetry SDK from the OTEL_* variables, unless an SDK is set up already.
        tracer_provider, meter_provider, logger_provider: used instead of the process's own.

    Raises:
        ConfigError: an argument is wrong. A wrong environment variable is logged instead, and its default is used.
            If OTEL_LLM_REDACT is wrong, no content is recorded.
    """
    global _active  # noqa: PLW0603 - one instrumentation per process
    given = {
        "capture_content": capture_content,
        "content_limit": content_limit,
        "redact": redact,
        "prices": prices,
        "providers": providers,
        "metric_names": metric_names,
        "attribute_names": attribute_names,
        "client_spans": client_spans,
        "surrounding_spans": surrounding_spans,
        "exit_timeout_s": exit_timeout_s,
        "debug_raise": debug_raise,
    }
    given_providers = SdkProviders(tracer_provider, meter_provider, logger_provider)
    with _changing:
        if _active is not None and all(value is None for value in (*given.values(), *given_providers)):
            return
        telemetry = (
            _first(given, given_providers) if _active is None else _changed(_active, given, given_providers)
        )
        guard.raise_failures(telemetry.settings.debug_raise)
        is_ours = sdk and telemetry.providers.tracer is None and set_up_sdk()
        _stop()
        _active = telemetry
        process_end = _the_process_end()
        process_end.deliver_within(telemetry.settings.exit_timeout_s)
        if is_ours:
            process_end.shut_down_sdk()
        patch_clients(telemetry)


def uninstrument() -> None:
    """Remove all that `instrument` and `context` have put in. The calls of open streams still end as usual."""
    with _changing:
        _stop()
        restore_threads()
        if _process_end is not None:
            _process_end.deliver_within(0)


def shut_down_sdk_at_exit() -> None:
    """Shut the process's SDK down within the exit timeout: OpenTelemetry's launcher has set it up, not the app."""
    with _changing:
        _the_process_end().shut_down_sdk()


def _stop() -> None:
    global _active  # noqa: PLW0603 - one instrumentation per process
    if _active is None:
        return
    unpatch_clients()
    _active.enabled = False
    _active = None
    flush()


def flush(timeout_s: float = _FLUSH_S) -> bool:
    """Return True when all ended calls are recorded and uploaded; False after the timeout.

    For a process that is frozen instead of exiting. Flush the SDK's providers afterwards.
    """
    recorded = _worker is None or _worker.flush(timeout_s)
    upload = sys.modules.get("otel_llm.instrument.content.upload")  # imported only if content is uploaded
    return (upload is None or bool(upload.flush(timeout_s))) and recorded


def _first(given: Mapping[str, Any], providers: SdkProviders) -> CallTelemetry:
    settings, problems = read_settings(**given)
    for problem in problems:
        guard.log.warning("otel-llm: a wrong setting is left out: %s", problem)
    prices = Prices(_own_prices(settings, given["prices"] is not None))
    return CallTelemetry(settings, prices=prices, worker=_the_worker(), providers=providers)


def _changed(active: CallTelemetry, given: Mapping[str, Any], providers: SdkProviders) -> CallTelemetry:
    settings = override_settings(active.settings, **given)
    prices = active.prices if given["prices"] is None else Prices(_own_prices(settings, in_code=True))
    return CallTelemetry(settings, prices=prices, worker=active.worker, providers=providers.over(active.providers))


def _own_prices(settings: InstrumentSettings, in_code: bool) -> OwnPrices:
    if settings.prices is None:
        return {}
    from otel_llm.instrument.cost.own_prices import read_price_file  # noqa: PLC0415 - only where there is a file

    try:
        return read_price_file(settings.prices)
    except ConfigError as error:
        if in_code:
            raise
        guard.log.warning("otel-llm: %s; no own prices are used", error)
        return {}


def _the_worker() -> BackgroundWorker:
    global _worker  # noqa: PLW0603 - one thread per process
    if _worker is None:
        _worker = BackgroundWorker()
        after_fork_in_child(late_spans.forget_all)
        after_fork_in_child(leave_open_streams_to_the_parent)
        after_fork_in_child(_start_anew)
    return _worker


def _start_anew() -> None:
    if _active is not None:
        _active.start_anew()


def _the_process_end() -> ProcessEnd:
    global _process_end  # noqa: PLW0603 - one end of a process
    if _process_end is None:
        _process_end = ProcessEnd(_the_worker(), lambda: SdkProviders() if _active is None else _active.providers)
    return _process_end
