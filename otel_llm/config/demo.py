"""Settings of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

Server = Literal["collector", "prometheus", "alertmanager"]

SERVERS: Final[tuple[Server, ...]] = get_args(Server)
"""Third-party servers that the demo can run, in the order in which its calls pass them."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """Settings of `otel-llm demo`; the options have the same names. Port 0 takes any free port."""

    servers: frozenset[Server] = frozenset()
    """The `SERVERS` that run; without any, the application exports straight to the evaluation service."""
    keep: bool = False
    """True: leave the servers running after the workload, until Ctrl-C."""
    plain: bool = False
    """True: print lines instead of the live view, also on a terminal."""
    save_svg: Path | None = None
    """File for the view at the end of the workload; None means no file."""
    model_port: int = 8000
    """Port of the model server."""
    grpc_port: int = 4317
    """Port for OTLP/gRPC from applications: of the Collector if it runs, else of the evaluation service."""
    http_port: int = 4318
    """Port for OTLP/HTTP from applications, of the same server."""
    telemetry_port: int = 8888
    """Port for metrics and health of the evaluation service."""
    prometheus_port: int = 9090
    """Port of Prometheus, if it runs."""
    alertmanager_port: int = 9093
    """Port of Alertmanager, if it runs."""
