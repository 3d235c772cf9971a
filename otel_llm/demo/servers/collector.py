"""The stock Collector, with `collector/tap.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from otel_llm.assets import asset
from otel_llm.demo.servers.base import HOST, RunningServer, free_ports, start
from otel_llm.demo.servers.programs import COLLECTOR


@dataclass(frozen=True, kw_only=True)
class Collector(RunningServer):
    """A Collector with `collector/tap.yaml`; `url` is its health check."""

    grpc: str
    """Host and port for OTLP/gRPC from applications."""
    http_url: str
    """URL for OTLP/HTTP from applications, the value of OTEL_EXPORTER_OTLP_ENDPOINT."""
    events_url: str
    """URL for events of the evaluation service, over OTLP/HTTP."""
    metrics: str
    """Host and port where Prometheus scrapes the metrics of the applications."""


class CollectorPorts(NamedTuple):
    """Ports of the Collector; 0 takes any free port."""

    grpc: int = 0
    http: int = 0
    events: int = 0
    metrics: int = 0
    health: int = 0
    telemetry: int = 0


def start_collector(
    folder: Path,
    *,
    evaluation: str,
    traces_url: str | None = None,
    logs_url: str | None = None,
    ports: CollectorPorts = CollectorPorts(),  # noqa: B008 - immutable
    overlays: Sequence[str] = (),
) -> Collector:
    """Return the Collector once it listens.

    Args:
        folder: the folder for its log.
        evaluation: host and port of the evaluation service for OTLP/gRPC.
        traces_url: URL of the trace backend, over OTLP/HTTP; None means one line per batch in the log.
        logs_url: URL of the log backend, likewise.
        ports: the ports to listen on.
        overlays: further configurations, merged over the tap in order: paths, or `yaml:` and the text.

    Raises:
        ServerError: the Collector is not installed, or did not become ready.
        PortTakenError: a port is in use.
    """
    ports = CollectorPorts(*free_ports({f"--{name}-port": port for name, port in ports._asdict().items()}))
    environment = {
        "TAP_GRPC": f"{HOST}:{ports.grpc}",
        "TAP_HTTP": f"{HOST}:{ports.http}",
        "TAP_EVENTS": f"{HOST}:{ports.events}",
        "TAP_METRICS": f"{HOST}:{ports.metrics}",
        "TAP_HEALTH": f"{HOST}:{ports.health}",
        "TAP_TELEMETRY_PORT": str(ports.telemetry),
        "TAP_EVALUATION": evaluation,
    }
    if traces_url:
        environment |= {"TAP_TRACES_EXPORTER": "otlp_http/traces", "TAP_TRACES_URL": traces_url}
    if logs_url:
        environment |= {"TAP_LOGS_EXPORTER": "otlp_http/logs", "TAP_LOGS_URL": logs_url}
    url = f"http://{HOST}:{ports.health}/"
    command = [str(COLLECTOR.require()), "--config", str(asset("collector", "tap.yaml"))]
    command += [f"--config={overlay}" for overlay in overlays]
    return Collector(
        process=start("collector", command, folder, ready_url=url, environment=environment),
        url=url,
        grpc=f"{HOST}:{ports.grpc}",
        http_url=f"http://{HOST}:{ports.http}",
        events_url=f"http://{HOST}:{ports.events}",
        metrics=f"{HOST}:{ports.metrics}",
    )
