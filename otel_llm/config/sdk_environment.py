"""Variables of OpenTelemetry's SDK: our values for variables that are not set."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Final

from otel_llm.errors import ConfigError

EXPORTER_VARIABLES: Final = {
    "traces": "OTEL_TRACES_EXPORTER",
    "metrics": "OTEL_METRICS_EXPORTER",
    "logs": "OTEL_LOGS_EXPORTER",
}
"""Variable that chooses the exporter, by signal."""
_ARGUMENTS: Final = {
    "traces": "trace_exporter_names",
    "metrics": "metric_exporter_names",
    "logs": "log_exporter_names",
}
"""Argument of the SDK's configurator, by signal."""
_HTTP: Final = "http/protobuf"
_EXPORTERS: Final = {_HTTP: "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_GRPC: Final = "opentelemetry.exporter.otlp.proto.grpc"


def default_exporters(environment: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """Return the SDK's exporters for the signals whose OTEL_*_EXPORTER is unset: OTLP, as the specification says.

    The Python SDK alone would export nothing. With OTEL_CONFIG_FILE the result is empty: the file is complete.

    Source: OpenTelemetry specification, "OpenTelemetry Environment Variable Specification", exporter selection.

    Raises:
        ConfigError: a protocol is not supported, or its exporter is not installed.
    """
    environment = os.environ if environment is None else environment
    if environment.get("OTEL_CONFIG_FILE"):
        return {}
    check_protocols(environment)
    return {
        _ARGUMENTS[signal]: [_EXPORTERS[protocol_of(signal, environment)]]
        for signal, variable in EXPORTER_VARIABLES.items()
        if not environment.get(variable)
    }


def default_protocols(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that make OTLP over HTTP the protocol where none is named: the SDK would take gRPC.

    Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter": the default should be http/protobuf.
    """
    environment = os.environ if environment is None else environment
    is_open = any("otlp" in environment.get(name, "").split(",") for name in EXPORTER_VARIABLES.values())
    has_one = bool(environment.get("OTEL_EXPORTER_OTLP_PROTOCOL"))
    return {"OTEL_EXPORTER_OTLP_PROTOCOL": _HTTP} if is_open and not has_one else {}


def check_protocols(environment: Mapping[str, str]) -> None:
    """Return if there is an exporter for the protocol of each signal.

    Raises:
        ConfigError: a protocol is not supported, or its exporter is not installed.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    for signal, variable in EXPORTER_VARIABLES.items():
        if "otlp" not in (environment.get(variable) or "otlp").split(","):
            continue
        own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
        key = own if environment.get(own) else "OTEL_EXPORTER_OTLP_PROTOCOL"
        protocol = protocol_of(signal, environment)
        if protocol not in _EXPORTERS:
            raise ConfigError(f"{key} must be {_HTTP} or grpc, got {protocol!r}")
        if protocol == "grpc" and not _has_grpc():
            raise ConfigError(
                f"{key} is grpc, and its exporter is not installed: set it to {_HTTP}, with the endpoint of OTLP "
                "over HTTP (port 4318), or pip install opentelemetry-exporter-otlp-proto-grpc"
            )


def _has_grpc() -> bool:
    try:
        return importlib.util.find_spec(_GRPC) is not None
    except ModuleNotFoundError:
        return False


def protocol_of(signal: str, environment: Mapping[str, str]) -> str:
    """Return the protocol by which a signal is exported: traces, metrics or logs."""
    own = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    return (own or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _HTTP).strip()


def endpoint_of(signal: str, environment: Mapping[str, str]) -> str:
    """Return the URL to which a signal is exported: traces, metrics or logs.

    Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter", endpoint URLs for OTLP/HTTP.
    """
    if own := environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"):
        return own
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if protocol_of(signal, environment) == "grpc":
        return base or "http://localhost:4317"
    return f"{(base or 'http://localhost:4318').rstrip('/')}/v1/{signal}"


def without_password(url: str) -> str:
    """Return the URL as it may be shown: without user and password."""
    scheme, mark, rest = url.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def run_environment(
    environment: Mapping[str, str],
    *,
    endpoint: str | None = None,
    service_name: str | None = None,
    capture_content: bool = False,
) -> dict[str, str]:
    """Return a program's environment under `otel-llm run`: the options, then the user's, then our defaults."""
    defaults = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": _HTTP,
        # seconds; the default of the exporters, 10, would delay the exit of an app by 10 s if nothing answers
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    }
    options = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": service_name,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY" if capture_content else None,
    }
    return {**defaults, **environment, **{key: value for key, value in options.items() if value is not None}}
