"""Variables of OpenTelemetry's SDK: our values for variables that are not set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

_EXPORTERS: Final = {
    "trace_exporter_names": ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
    "metric_exporter_names": ("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"),
    "log_exporter_names": ("OTEL_LOGS_EXPORTER", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"),
}


def default_exporters(environment: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """Return the SDK's exporters for the signals whose OTEL_*_EXPORTER is unset: OTLP, as the specification says.

    The Python SDK alone would export nothing. With OTEL_CONFIG_FILE the result is empty: the file is complete.

    Source: OpenTelemetry specification, "OpenTelemetry Environment Variable Specification", exporter selection.
    """
    environment = os.environ if environment is None else environment
    if environment.get("OTEL_CONFIG_FILE"):
        return {}
    chosen = {}
    for argument, (exporter, protocol) in _EXPORTERS.items():
        if not environment.get(exporter):
            grpc = (environment.get(protocol) or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc"
            chosen[argument] = ["otlp_proto_grpc" if grpc else "otlp_proto_http"]
    return chosen


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
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # seconds; the default of the exporters, 10, would delay the exit of an app by 10 s if nothing answers
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    }
    options = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": service_name,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY" if capture_content else None,
    }
    return {**defaults, **environment, **{key: value for key, value in options.items() if value is not None}}
