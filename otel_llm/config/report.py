"""Settings of what the service reports: events, metrics, and its own traces."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from otel_llm.config.selection import Globs
from otel_llm.config.send import DestinationSettings
from otel_llm.config.urls import base_url


class EventSettings(DestinationSettings):
    """Destination of evaluation results."""

    kind: Literal["otlp", "phoenix"] = "otlp"
    """otlp: results go as OTLP log records; phoenix: as span annotations, to the URL of Phoenix's page."""
    explanations: bool = True
    """True: send explanations, which quote the answer; false if the log backend must not hold content."""
    not_applicable: bool = False
    """True: send results of the label not_applicable too; false: only the metrics count those."""

    @model_validator(mode="after")
    def _is_taken_by_phoenix(self) -> Self:
        if self.kind == "phoenix" and self.endpoint is not None:
            if urlsplit(self.endpoint).scheme not in {"http", "https"}:
                raise ValueError(
                    "must have an endpoint such as http://localhost:6006 where kind is phoenix: it has no gRPC"
                )
            if self.compression != "none":
                raise ValueError("must have compression none where kind is phoenix: it reads no other")
        return self


class MetricSettings(BaseModel):
    """Metrics for Prometheus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_label_values: int = Field(default=200, ge=1)
    """Most values of one label, such as the name of a model; further values count as "other"."""


class DeriveMetricsSettings(BaseModel):
    """Client metrics made from spans, for services that emit no such metrics: else they count twice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    """True: make client metrics."""
    services: Globs = ("*",)
    """Services by name: one of these patterns must match."""
    exclude: Globs = ()
    """Services that emit these metrics themselves: none of these patterns may match."""


class TraceSettings(BaseModel):
    """The service's own traces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = None
    """Base URL of an OTLP/HTTP receiver, such as http://localhost:4318; None: there are no traces."""
    sample_ratio: float = Field(default=1.0, ge=0, le=1)
    """Share of the traces that is sent, from 0 to 1."""

    @field_validator("endpoint")
    @classmethod
    def _is_http_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        # the SDK's exporter reads this variable
        credentials = "OTEL_EXPORTER_OTLP_HEADERS in the environment"
        return base_url(value, {"http", "https"}, "http://localhost:4318", credentials=credentials)
