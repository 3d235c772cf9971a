"""Where telemetry goes, and whether it arrives there: an empty export of each signal is sent."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from otel_llm.config.sdk_environment import endpoint_of, protocol_of, without_password
from otel_llm.doctor.finding import Finding, note, ok, wrong
from otel_llm.instrument.export_log import Cause, cause_of

_TIMEOUT_S: Final = "3"
_OTLP: Final = {"otlp_proto_http": "http/protobuf", "otlp_proto_grpc": "grpc"}
"""Protocol of the exporters that name it."""


class _Signal(NamedTuple):
    name: str
    exporter: str
    """Variable that chooses the exporter."""
    modules: Mapping[str, str]
    """Module of the exporter, by protocol."""
    kind: str
    """Name of the exporter's class."""
    empty: Callable[[], Any]
    """Returns an export without any item."""


def _no_metrics() -> Any:
    from opentelemetry.sdk.metrics.export import MetricsData  # noqa: PLC0415 - the SDK takes 100 ms to import

    return MetricsData(resource_metrics=[])


def _modules(name: str) -> dict[str, str]:
    return {
        "http/protobuf": f"opentelemetry.exporter.otlp.proto.http.{name}",
        "grpc": f"opentelemetry.exporter.otlp.proto.grpc.{name}",
    }


_SIGNALS: Final = (
    _Signal("traces", "OTEL_TRACES_EXPORTER", _modules("trace_exporter"), "OTLPSpanExporter", list),
    _Signal("metrics", "OTEL_METRICS_EXPORTER", _modules("metric_exporter"), "OTLPMetricExporter", _no_metrics),
    _Signal("logs", "OTEL_LOGS_EXPORTER", _modules("_log_exporter"), "OTLPLogExporter", list),
)


def exported(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for each signal, after an empty export to its endpoint.

    Args:
        environment: the environment of the application.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield wrong("OTEL_SDK_DISABLED is true: nothing is exported", "remove the variable")
        return
    if file := environment.get("OTEL_CONFIG_FILE"):
        yield note(f"the SDK is configured by OTEL_CONFIG_FILE ({file}): endpoints are not looked at")
        return
    if not environment.get("OTEL_SERVICE_NAME") and "service.name=" not in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        yield note(
            "the service has no name: its telemetry is that of `unknown_service`",
            "set OTEL_SERVICE_NAME, such as shop",
        )
    for signal in _SIGNALS:
        yield from _exported(signal, environment)


def _exported(signal: _Signal, environment: Mapping[str, str]) -> Iterator[Finding]:
    for chosen in filter(None, (environment.get(signal.exporter) or "otlp").split(",")):
        name = chosen.strip()
        if name == "none":
            yield note(
                f"{signal.name} are not exported: {signal.exporter}=none", f"{signal.exporter}=otlp exports them"
            )
        elif name == "otlp":
            yield _sent(signal, protocol_of(signal.name, environment), environment)
        elif name in _OTLP:
            yield _sent(signal, _OTLP[name], environment)
        else:
            yield note(f"{signal.name} go to the exporter {name}: not looked at")


def _sent(signal: _Signal, protocol: str, environment: Mapping[str, str]) -> Finding:
    if protocol not in signal.modules:
        return wrong(
            f"{signal.name}: the protocol {protocol!r} is not supported by OpenTelemetry for Python",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        )
    variables = {
        f"OTEL_EXPORTER_OTLP_{signal.name.upper()}_{key}": value
        for key, value in (("PROTOCOL", protocol), ("TIMEOUT", _TIMEOUT_S))
    }
    url = endpoint_of(signal.name, {**environment, **variables})
    shown = f"{without_password(url)} ({protocol})"
    try:
        with _environment({**environment, **variables}), _causes() as causes:
            sender = getattr(importlib.import_module(signal.modules[protocol]), signal.kind)()
            outcome = sender.export(signal.empty())
            sender.shutdown()
    except ModuleNotFoundError:
        return wrong(
            f"{signal.name}: the exporter for {protocol} is not installed, and nothing is exported",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or pip install opentelemetry-exporter-otlp-proto-grpc",
        )
    except Exception as error:  # a setting that the exporter cannot use, such as a certificate
        return wrong(
            f"{signal.name} cannot be exported to {shown}: {error}",
            "set the OTEL_EXPORTER_OTLP_* variable rightly",
        )
    if outcome.name == "SUCCESS":
        return ok(f"{signal.name} arrive at {shown}")
    cause = causes[0] if causes else Cause("no reason was given")
    return wrong(
        f"{signal.name} do not arrive at {shown}: {cause}",
        cause.remedy(signal.name, url) or "start a Collector there, or set OTEL_EXPORTER_OTLP_ENDPOINT",
    )


@contextmanager
def _environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Give the process this environment meanwhile: an exporter reads endpoint, headers and certificates there."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _causes() -> Iterator[list[Cause]]:
    """Keep the exporters' log from the terminal; the value is the causes in it."""
    causes: list[Cause] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            causes.append(cause_of(" ".join(record.getMessage().split())))

    logger = logging.getLogger("opentelemetry")
    before = logger.propagate, logger.handlers
    logger.propagate, logger.handlers = False, [Keep(logging.WARNING)]
    try:
        yield causes
    finally:
        logger.propagate, logger.handlers = before
