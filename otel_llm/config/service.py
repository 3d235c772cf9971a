"""Settings of the evaluation service: one YAML file, whose keys are these fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from otel_llm.config.check import check, read_yaml, without_null_sections
from otel_llm.config.evaluate import EvaluateSettings


class QueueSettings(BaseModel):
    """How calls wait for their evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_pending: int = Field(default=2048, ge=1)
    """With this many calls waiting, further requests are refused retryably."""
    max_batch: int = Field(default=32, ge=1)
    """Calls evaluated together, at most."""
    max_delay_s: float = Field(default=0.05, ge=0, le=60)
    """How long a call may wait for its batch to fill up."""


class EventSettings(BaseModel):
    """Where evaluation results go as OTLP log records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = None
    """Base URL of an OTLP/HTTP receiver of logs, such as http://localhost:4318; None: no events are sent."""
    timeout_s: float = Field(default=10, gt=0)
    """How long one export may take, its retries included."""
    queue_size: int = Field(default=8192, ge=1)
    """Records that wait to be sent; of more, the oldest are dropped."""
    explanations: bool = True
    """Send explanations, which quote the answer; false where the log backend must not hold content."""

    @field_validator("endpoint")
    @classmethod
    def _is_http_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must be a URL such as http://localhost:4318")
        return value


class MetricSettings(BaseModel):
    """What Prometheus is shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_label_values: int = Field(default=200, ge=1)
    """Values of one label, such as a model's name; further ones count as "other"."""


class ServiceSettings(BaseModel):
    """What `otel-llm collector` is told; its options override the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """The address to listen on. There is no authentication: beyond loopback, keep the network private."""
    grpc_port: int = Field(default=4317, ge=0, le=65535)
    """OTLP/gRPC; 0 takes any free port."""
    http_port: int = Field(default=4318, ge=0, le=65535)
    """OTLP/HTTP; 0 takes any free port."""
    telemetry_port: int = Field(default=8888, ge=0, le=65535)
    """/metrics, /healthz and /debug/calls; 0 takes any free port."""
    debug_calls: bool = False
    """Serve /debug/calls: every evaluated call, with the beginning of its texts, to whoever connects."""
    max_request_bytes: int = Field(default=16 << 20, ge=1024)
    """A larger request is refused, be it before or after decompression."""
    shutdown_timeout_s: float = Field(default=8, gt=0)
    """What a SIGTERM leaves for evaluating and sending what was taken."""
    queue: QueueSettings = QueueSettings()
    events: EventSettings = EventSettings()
    metrics: MetricSettings = MetricSettings()
    evaluate: EvaluateSettings = EvaluateSettings()


def load_settings(path: Path | None, overrides: Mapping[str, Any]) -> ServiceSettings:
    """Return the settings of a file, or the defaults, with the command's options over them.

    Args:
        path: a YAML file; None for the defaults.
        overrides: by key, with a dot for a section ("events.endpoint"); None leaves the file's value.

    Raises:
        ConfigError: the file cannot be read, a key is unknown, or a value wrong.
    """
    data = without_null_sections(ServiceSettings, read_yaml(path) if path else {})
    for key, value in overrides.items():
        if value is not None:
            section, _, name = key.rpartition(".")
            target = data.setdefault(section, {}) if section else data
            if isinstance(target, dict):  # else the check below says what is wrong with it
                target[name] = value
    return check(ServiceSettings, data, str(path) if path else "options")
