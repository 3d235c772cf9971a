"""The programs of the demo, with their ports, arguments and environment."""

from __future__ import annotations

import shlex
import sys
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from otel_llm.config.demo import DemoSettings
from otel_llm.ports import bind, bind_free

HOST: Final = "127.0.0.1"
SERVICE_NAME: Final = "help-desk"

# works for a child even if the folder of our command is not on PATH
_OTEL_LLM: Final = (sys.executable, "-m", "otel_llm")
_SCRIPT: Final = str(Path(sys.executable).with_name("otel-llm"))


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of one run; 0 for a server that does not run."""

    model: int
    service_grpc: int
    service_http: int
    telemetry: int
    collector_grpc: int
    collector_http: int
    collector_events: int
    prometheus: int
    alertmanager: int


def choose_ports(settings: DemoSettings) -> Ports:
    """Return the ports that the settings ask for, each 0 replaced by a free one.

    Raises:
        PortTakenError: a port is in use; the message names the option that changes it.
    """
    with ExitStack() as held:  # hold all ports until all are found, so that they differ

        def take(port: int, option: str) -> int:
            sock = held.enter_context(bind(HOST, port, option) if port else bind_free(HOST))
            taken: int = sock.getsockname()[1]
            return taken

        servers = settings.servers
        model = take(settings.model_port, "--model-port")
        grpc = take(settings.grpc_port, "--grpc-port")
        http = take(settings.http_port, "--http-port")
        spare = [take(0, "") for _ in range(3)]
        behind = "collector" in servers
        return Ports(
            model=model,
            service_grpc=spare[0] if behind else grpc,
            service_http=spare[1] if behind else http,
            telemetry=take(settings.telemetry_port, "--telemetry-port"),
            collector_grpc=grpc if behind else 0,
            collector_http=http if behind else 0,
            collector_events=spare[2],
            prometheus=take(settings.prometheus_port, "--prometheus-port") if "prometheus" in servers else 0,
            alertmanager=take(settings.alertmanager_port, "--alertmanager-port")
            if "alertmanager" in servers
            else 0,
        )


@dataclass(frozen=True, kw_only=True)
class OwnProgram:
    """A program of otel-llm that the demo starts."""

    name: str
    arguments: tuple[str, ...]
    """Arguments of `otel-llm`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables to add to the demo's environment."""

    @property
    def command(self) -> list[str]:
        """The command line to start."""
        return [*_OTEL_LLM, *self.arguments]

    @property
    def shell(self) -> str:
        """The command line as a user types it."""
        variables = [f"{key}={shlex.quote(_shorten(value))}" for key, value in self.environment.items()]
        return " ".join([*variables, _shorten(_SCRIPT), shlex.join(map(_shorten, self.arguments))])


def model_server(ports: Ports, example: Path) -> OwnProgram:
    """Return the model server with the example's script."""
    return OwnProgram(
        name="model server",
        arguments=("serve", "--port", str(ports.model), "--script", str(example / "script.toml")),
    )


def evaluation_service(ports: Ports, example: Path, *, with_collector: bool) -> OwnProgram:
    """Return the evaluation service with the example's settings; events go to the Collector, if there is one."""
    arguments = [
        "collector",
        "--config", str(example / "service.yaml"),
        "--grpc-port", str(ports.service_grpc),
        "--http-port", str(ports.service_http),
        "--telemetry-port", str(ports.telemetry),
    ]  # fmt: skip
    if with_collector:
        arguments += ["--events-endpoint", f"http://{HOST}:{ports.collector_events}"]
    return OwnProgram(name="evaluation service", arguments=tuple(arguments))


def application(ports: Ports, example: Path, *, with_collector: bool) -> OwnProgram:
    """Return the example's workload under instrumentation, exporting to the Collector or the service."""
    port = ports.collector_http if with_collector else ports.service_http
    environment = {
        "OPENAI_BASE_URL": f"http://{HOST}:{ports.model}/v1",
        "OPENAI_API_KEY": "none-needed",
        "OTEL_LLM_PRICES": str(example / "prices.toml"),
        "OTEL_BSP_SCHEDULE_DELAY": "500",  # milliseconds; with the default, 5 s, the view would lag behind
        "OTEL_LOGS_EXPORTER": "none",
    }
    if with_collector:
        environment["OTEL_METRIC_EXPORT_INTERVAL"] = "1000"
    else:
        environment["OTEL_METRICS_EXPORTER"] = "none"  # without a Collector, no Prometheus scrapes them
    arguments = (
        "run", "--endpoint", f"http://{HOST}:{port}", "--service-name", SERVICE_NAME, "--capture-content",
        "--", sys.executable, str(example / "workload.py"),
    )  # fmt: skip
    return OwnProgram(name="help desk", arguments=arguments, environment=environment)


def count_calls(example: Path) -> int:
    """Return the number of calls in the example's workload."""
    workload = tomllib.loads((example / "workload.toml").read_text(encoding="utf-8"))
    return sum(len(phase["questions"]) for phase in workload["phase"])


def _shorten(text: str) -> str:
    """Return a path in the current folder as a relative path; any other text as it is."""
    return text.removeprefix(f"{Path.cwd()}/")
