"""Settings of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

Server = Literal["collector", "prometheus", "alertmanager"]

SERVERS: Final[tuple[Server, ...]] = get_args(Server)
"""The servers of others that the demo can run its calls through, in the order of the path."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """What `otel-llm demo` is told; the command's options have the same names. A port of 0 takes any free one."""

    servers: frozenset[Server] = frozenset()
    """Which of `SERVERS` take part; without any, the application exports straight to the evaluation service."""
    keep: bool = False
    """Leave the servers running when the workload has ended, until Ctrl-C."""
    plain: bool = False
    """Print lines in place of the live view, also on a terminal."""
    save_svg: Path | None = None
    """Write the view as it is at the end of the workload to this file."""
    model_port: int = 8000
    """The model server."""
    grpc_port: int = 4317
    """OTLP/gRPC from applications: of the Collector where it takes part, else of the evaluation service."""
    http_port: int = 4318
    """OTLP/HTTP from applications, likewise."""
    telemetry_port: int = 8888
    """The evaluation service's metrics and health."""
    prometheus_port: int = 9090
    """Prometheus, where it takes part."""
    alertmanager_port: int = 9093
    """Alertmanager, where it takes part."""
