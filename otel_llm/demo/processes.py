"""The processes of the demo: what starts, in which order, and what each of them is doing."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

from otel_llm.config.demo import SERVERS, DemoSettings, Server
from otel_llm.dashboards.rules import rules, rules_yaml
from otel_llm.demo import plan, servers
from otel_llm.demo.alerts import AlertReceiver
from otel_llm.demo.child_process import Process
from otel_llm.demo.plan import HOST, Ports, Program
from otel_llm.demo.snapshot import PartStatus
from otel_llm.errors import ServerError

_READY_S: Final = 120
_PHASE: Final = "== "  # begins the workload's line on what it does now

WINDOW_S: Final = 30
"""Over what time alerts take their shares; the deployed rules take minutes."""
_HOLD_S: Final = 2
_LEAST_CALLS: Final = 10
_INTERVAL_S: Final = 1.0

_PROGRAMS: Final[dict[Server, servers.Program]] = {
    "collector": servers.COLLECTOR,
    "prometheus": servers.PROMETHEUS,
    "alertmanager": servers.ALERTMANAGER,
}


def require_servers(settings: DemoSettings) -> None:
    """Make sure that the chosen servers of others are here.

    Raises:
        ServerError: one is not; the message gives the command that gets it.
    """
    for server in SERVERS:
        if server in settings.servers:
            _PROGRAMS[server].require()


class Parts:
    """All that runs. Use as a context manager: at its end nothing of it is left."""

    def __init__(self, settings: DemoSettings, ports: Ports, example: Path, folder: Path) -> None:
        self._settings = settings
        self._ports = ports
        self._example = example
        self._folder = folder
        self._processes: list[Process] = []
        self._ready_urls: dict[str, str] = {}
        self._application: Process | None = None
        self.programs: list[Program] = []
        """The programs of ours that were started, in this order."""
        self.receiver: AlertReceiver | None = None
        self.statuses = self._list()

    @property
    def _with_collector(self) -> bool:
        return "collector" in self._settings.servers

    def _list(self) -> list[PartStatus]:
        ports, chosen = self._ports, self._settings.servers
        http = ports.collector_http if self._with_collector else ports.service_http
        listed = [
            PartStatus(name="model server", address=f"{HOST}:{ports.model}"),
            PartStatus(name="help desk", address="examples/rag", condition="waiting"),
        ]
        if self._with_collector:
            listed.append(PartStatus(name="Collector", address=f"{HOST}:{http}"))
        listed.append(PartStatus(name="evaluation service", address=f"{HOST}:{ports.service_http}"))
        if "prometheus" in chosen:
            listed.append(PartStatus(name="Prometheus", address=f"{HOST}:{ports.prometheus}"))
        if "alertmanager" in chosen:
            listed.append(PartStatus(name="Alertmanager", address=f"{HOST}:{ports.alertmanager}"))
        return listed

    def start(self) -> None:
        """Start everything but the application.

        Raises:
            ServerError: a program cannot be started, or one of the others' servers did not come up.
        """
        ports = self._ports
        self._start(plan.model_server(ports, self._example), f"http://{HOST}:{ports.model}/healthz")
        service = plan.evaluation_service(ports, self._example, with_collector=self._with_collector)
        self._start(service, f"http://{HOST}:{ports.telemetry}/healthz")
        metrics = {"otel-llm": f"{HOST}:{ports.telemetry}"}
        if self._with_collector:
            collector = servers.start_collector(
                self._folder,
                evaluation=f"{HOST}:{ports.service_grpc}",
                ports=servers.CollectorPorts(
                    grpc=ports.collector_grpc, http=ports.collector_http, events=ports.collector_events
                ),
            )
            self._add("Collector", collector)
            metrics["collector"] = collector.metrics
        alertmanager = self._start_alertmanager() if "alertmanager" in self._settings.servers else None
        if "prometheus" in self._settings.servers:
            self._start_prometheus(metrics, alertmanager)

    def start_application(self) -> None:
        """Start the workload."""
        program = plan.application(self._ports, self._example, with_collector=self._with_collector)
        self._application = self._run(program)
        self._status("help desk").condition = "ready"

    @property
    def ready(self) -> bool:
        """Whether everything but the application is ready."""
        return not any(status.condition == "starting" for status in self.statuses)

    @property
    def application_ended(self) -> bool:
        """Whether the workload is through."""
        return self._status("help desk").condition == "done"

    def poll(self, elapsed_s: float) -> None:
        """Bring `statuses` up to date.

        Raises:
            ServerError: a process ended that should not have, or was not ready in time; the message ends with the
                log's last lines.
        """
        for process in self._processes:
            status = self._status(process.name)
            if process is self._application:
                self._poll_application(process, status)
            elif process.returncode is not None:
                status.condition = "failed"
                raise ServerError(f"{process.name} exited with status {process.returncode}:\n{process.log_tail()}")
            elif status.condition == "starting":
                self._poll_start(process, status, elapsed_s)

    def _poll_start(self, process: Process, status: PartStatus, elapsed_s: float) -> None:
        if process.is_ready(self._ready_urls[process.name]):
            status.condition = "ready"
        elif elapsed_s > _READY_S:
            raise ServerError(f"{process.name} was not ready within {_READY_S} s:\n{process.log_tail()}")

    def _poll_application(self, process: Process, status: PartStatus) -> None:
        lines = process.log_path.read_text(errors="replace").splitlines()
        phase = next((line for line in reversed(lines) if line.startswith(_PHASE)), "")
        status.note = phase.removeprefix(_PHASE)
        if process.returncode == 0:
            status.condition, status.note = "done", ""
        elif process.returncode is not None:
            status.condition = "failed"
            raise ServerError(f"{process.name} exited with status {process.returncode}:\n{process.log_tail()}")

    def _start_alertmanager(self) -> servers.Alertmanager:
        self.receiver = AlertReceiver()
        started = servers.start_alertmanager(
            self._folder, webhook_url=self.receiver.url, group_wait_s=0, port=self._ports.alertmanager
        )
        self._add("Alertmanager", started)
        return started

    def _start_prometheus(self, targets: dict[str, str], alertmanager: servers.Alertmanager | None) -> None:
        rule_file = self._folder / "rules.yml"
        rule_file.write_text(rules_yaml(rules(window=f"{WINDOW_S}s", hold=f"{_HOLD_S}s", minimum=_LEAST_CALLS)))
        started = servers.start_prometheus(
            self._folder,
            targets=targets,
            rule_files=[rule_file],
            alertmanager=alertmanager.address if alertmanager else None,
            interval_s=_INTERVAL_S,
            port=self._ports.prometheus,
        )
        self._add("Prometheus", started)

    def _start(self, program: Program, ready_url: str) -> None:
        self._ready_urls[program.name] = ready_url
        self._run(program)

    def _run(self, program: Program) -> Process:
        log_path = self._folder / f"{program.name.replace(' ', '-')}.log"
        process = Process(program.name, program.command, log_path=log_path, environment=program.environment)
        self._processes.append(process)
        self.programs.append(program)
        return process

    def _add(self, name: str, server: servers.Server) -> None:
        server.process.name = name
        self._processes.append(server.process)
        self._status(name).condition = "ready"

    def _status(self, name: str) -> PartStatus:
        return next(status for status in self.statuses if status.name == name)

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for process in self._processes:  # all at once, since some take a second to end
            process.terminate()
        for process in reversed(self._processes):
            process.stop()
        if self.receiver:
            self.receiver.stop()
