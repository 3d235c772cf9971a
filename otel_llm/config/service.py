"""Settings of the evaluation service: one YAML file, whose keys are these fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from otel_llm.config.check import check, read_yaml, without_null_sections
from otel_llm.config.environment import Variables
from otel_llm.config.environment import overrides as from_environment
from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.config.flow import InlineSettings, JoinSettings
from otel_llm.config.queue import DeadLetterSettings, QueueSettings
from otel_llm.config.receive import ReceiverSettings
from otel_llm.config.report import DeriveMetricsSettings, EventSettings, MetricSettings, TraceSettings
from otel_llm.config.selection import SelectionSettings
from otel_llm.config.send import DestinationSettings

ENVIRONMENT_PREFIX: Final = "OTEL_LLM_COLLECTOR_"


class ServiceSettings(BaseModel):
    """Settings of `otel-llm collector`: from a file, over it the environment, over both the options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback, set `receive.tls` and `receive.bearer_tokens_file`."""
    grpc_port: int = Field(default=4317, ge=0, le=65535)
    """Port for OTLP/gRPC; 0 takes any free port."""
    http_port: int = Field(default=4318, ge=0, le=65535)
    """Port for OTLP/HTTP; 0 takes any free port."""
    telemetry_port: int = Field(default=8888, ge=0, le=65535)
    """Port for /metrics, /healthz and /debug; 0 takes any free port."""
    telemetry_host: str | None = None
    """Address of the telemetry port, which has neither TLS nor tokens; null: that of `host`."""
    debug_calls: bool = False
    """True: serve /debug/calls: every evaluated call, with the beginning of its texts, to whoever connects."""
    processes: int = Field(default=1, ge=0, le=256)
    """Processes that share the ports and the work; 0: one per core."""
    shutdown_timeout_s: float = Field(default=8, gt=0)
    """Seconds after a SIGTERM to evaluate and send the requests that were taken."""
    receive: ReceiverSettings = ReceiverSettings()
    queue: QueueSettings = QueueSettings()
    joins: JoinSettings = JoinSettings()
    selection: SelectionSettings = SelectionSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    events: EventSettings = EventSettings()
    forward: DestinationSettings = DestinationSettings()
    """Destination of everything that comes, evaluated or not (inline); without an endpoint, nothing is passed on
    (tap)."""
    inline: InlineSettings = InlineSettings()
    derive_metrics: DeriveMetricsSettings = DeriveMetricsSettings()
    metrics: MetricSettings = MetricSettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    traces: TraceSettings = TraceSettings()

    @model_validator(mode="after")
    def _has_ports_of_its_own(self) -> Self:
        ports = [port for port in (self.grpc_port, self.http_port, self.telemetry_port) if port]
        if twice := next((port for port in ports if ports.count(port) > 1), None):
            raise ValueError(
                f"grpc_port, http_port and telemetry_port must differ, got {twice} twice: change one (0: any free)"
            )
        return self

    @model_validator(mode="after")
    def _holds_two_requests(self) -> Self:
        # the queue frees its space in eighths, so that one request alone might never fit
        if self.queue.max_bytes < 2 * self.receive.max_request_bytes:
            least = 2 * self.receive.max_request_bytes
            raise ValueError(f"queue.max_bytes must be twice receive.max_request_bytes, {least}, or more")
        return self


def load_settings(
    path: Path | None, overrides: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> ServiceSettings:
    """Return the settings of a file, or the defaults, with the environment's and the command's options over them.

    Args:
        path: a YAML file; None means the defaults.
        overrides: values by key, with a dot for a section ("events.endpoint"); None keeps the value of the file.
        environment: variables such as OTEL_LLM_COLLECTOR_QUEUE__FOLDER for the key queue.folder; None means no
            variables.

    Raises:
        ConfigError: the file cannot be read, a key is unknown, or a value wrong.
    """
    data = without_null_sections(ServiceSettings, read_yaml(path) if path else {})
    where = [str(path)] if path else []
    given = from_environment(ENVIRONMENT_PREFIX, environment or {})
    for key, value in given.items():
        _set(data, key, value)
    options = {key: value for key, value in overrides.items() if value is not None}
    for key, value in options.items():
        _set(data, key, value)
    where += [f"{ENVIRONMENT_PREFIX}*"] * bool(given) + ["options"] * bool(options or not where)
    variables = Variables(ENVIRONMENT_PREFIX, given.keys() - options.keys())
    return check(ServiceSettings, data, ", ".join(where), variables)


def _set(data: dict[str, Any], key: str, value: Any) -> None:
    """Set a value in its section. If the section is no mapping, the check reports the section."""
    *sections, name = key.split(".")
    target: Any = data
    for section in sections:
        target = target.setdefault(section, {}) if isinstance(target, dict) else None
    if isinstance(target, dict):
        target[name] = value
