"""Settings of the evaluation service: one YAML file, whose keys are these fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from otel_llm.config.check import check, read_yaml, without_null_sections
from otel_llm.config.environment import Variables
from otel_llm.config.environment import overrides as from_environment
from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.config.receive import ReceiverSettings
from otel_llm.config.selection import DeriveMetricsSettings, SelectionSettings
from otel_llm.config.send import DestinationSettings, base_url

ENVIRONMENT_PREFIX: Final = "OTEL_LLM_COLLECTOR_"


class QueueSettings(BaseModel):
    """Where requests wait, once they are acknowledged, until what they hold is evaluated and sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None
    """A folder of this service alone; what waits there outlives a crash. None: requests wait in memory."""
    max_bytes: int = Field(default=256 << 20, ge=1 << 20)
    """What may wait, in bytes, on disk or in memory; beyond it requests are refused retryably."""
    fsync: Literal["always", "group", "never"] = "group"
    """What outlives a power failure: each request by itself, those that came meanwhile together, or none."""
    max_batch: int = Field(default=32, ge=1)
    """Calls evaluated together, at most."""
    max_delay_s: float = Field(default=0.05, ge=0, le=60)
    """How long a call may wait for its batch to fill up."""
    max_batch_bytes: int = Field(default=16 << 20, ge=1)
    """Calls whose spans have so many bytes wait outside of the queue for the evaluators, at most."""


class JoinSettings(BaseModel):
    """What the spans and log records of a trace have for each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wait_s: float = Field(default=5.0, ge=0, le=300)
    """How long a call without content waits for log records that bring it."""
    keep_s: float = Field(default=60.0, gt=0)
    """How long the documents and the content of a trace are kept after the last that came of it."""
    max_bytes: int = Field(default=64 << 20, ge=1)
    """What is kept of all traces; the oldest make room."""


class InlineSettings(BaseModel):
    """What happens to the requests that are passed on, where `forward.endpoint` is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enrich: bool = True
    """Write labels and scores on the evaluated spans."""
    content: Literal["keep", "mask", "strip"] = "keep"
    """What of the calls' content goes on: all, all but personal data and secrets, or none."""
    content_attributes: tuple[str, ...] = ()
    """Attributes that are content beside the known ones, as patterns of file names, such as my_app.prompt.*."""
    max_wait_s: float = Field(default=2.0, ge=0, le=60)
    """A request whose calls are not evaluated by then goes on without verdicts."""


class EventSettings(DestinationSettings):
    """Where evaluation results go as OTLP log records."""

    explanations: bool = True
    """Send explanations, which quote the answer; false where the log backend must not hold content."""


class DeadLetterSettings(BaseModel):
    """What can never be read or delivered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = None
    """A file that keeps it, to be looked at and sent again; None: the log alone says what it was."""
    max_bytes: int = Field(default=256 << 20, ge=4096)
    """Of this file and the one before it; the oldest make room."""


class MetricSettings(BaseModel):
    """What Prometheus is shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_label_values: int = Field(default=200, ge=1)
    """Values of one label, such as a model's name; further ones count as "other"."""


class TraceSettings(BaseModel):
    """The service's own traces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = None
    """Base URL of an OTLP/HTTP receiver, such as http://localhost:4318; None: there are no traces."""
    sample_ratio: float = Field(default=1.0, ge=0, le=1)
    """The share of them that is sent."""

    @field_validator("endpoint")
    @classmethod
    def _is_http_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        # the exporter of the SDK reads that variable
        credentials = "OTEL_EXPORTER_OTLP_HEADERS in the environment"
        return base_url(value, {"http", "https"}, "http://localhost:4318", credentials=credentials)


class ServiceSettings(BaseModel):
    """What `otel-llm collector` is told: by a file, by the environment over it, by options over both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """The address to listen on. Beyond loopback, set `receive.tls` and `receive.bearer_tokens_file`."""
    grpc_port: int = Field(default=4317, ge=0, le=65535)
    """OTLP/gRPC; 0 takes any free port."""
    http_port: int = Field(default=4318, ge=0, le=65535)
    """OTLP/HTTP; 0 takes any free port."""
    telemetry_port: int = Field(default=8888, ge=0, le=65535)
    """/metrics, /healthz and /debug; 0 takes any free port."""
    telemetry_host: str | None = None
    """The address of that port, which knows neither TLS nor tokens; null: that of `host`."""
    debug_calls: bool = False
    """Serve /debug/calls: every evaluated call, with the beginning of its texts, to whoever connects."""
    processes: int = Field(default=1, ge=0, le=256)
    """Processes that share the ports and the work; 0: one per core."""
    shutdown_timeout_s: float = Field(default=8, gt=0)
    """What a SIGTERM leaves for evaluating and sending what was taken."""
    receive: ReceiverSettings = ReceiverSettings()
    queue: QueueSettings = QueueSettings()
    joins: JoinSettings = JoinSettings()
    selection: SelectionSettings = SelectionSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    events: EventSettings = EventSettings()
    forward: DestinationSettings = DestinationSettings()
    """Where everything is passed on to, evaluated or not (inline); without an endpoint, nothing is (tap)."""
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
        # space comes back by eighths of the queue, so that one request alone might never fit
        if self.queue.max_bytes < 2 * self.receive.max_request_bytes:
            least = 2 * self.receive.max_request_bytes
            raise ValueError(f"queue.max_bytes must be twice receive.max_request_bytes, {least}, or more")
        return self


def load_settings(
    path: Path | None, overrides: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> ServiceSettings:
    """Return the settings of a file, or the defaults, with the environment's and the command's options over them.

    Args:
        path: a YAML file; None for the defaults.
        overrides: by key, with a dot for a section ("events.endpoint"); None leaves the file's value.
        environment: variables such as OTEL_LLM_COLLECTOR_QUEUE__FOLDER, for the key queue.folder; None: none.

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
    """Set a value in its section. Where the section is none, the check says what is wrong with it."""
    *sections, name = key.split(".")
    target: Any = data
    for section in sections:
        target = target.setdefault(section, {}) if isinstance(target, dict) else None
    if isinstance(target, dict):
        target[name] = value
