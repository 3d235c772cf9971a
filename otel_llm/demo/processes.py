"""The processes of the demo: started in order, watched, and stopped together."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

from otel_llm.config.demo import SERVERS, DemoSettings, Server
from otel_llm.dashboards.rules import rules, rules_yaml
from otel_llm.demo import plan, servers
from otel_llm.demo.alert_receiver import AlertReceiver
from otel_llm.demo.child_process import ChildProcess
from otel_llm.demo.plan import HOST, OwnProgram, Ports
from otel_llm.demo.snapshot import PartStatus
from otel_llm.errors import ServerError

_READY_S: Final = 120
_PHASE: Final = "== "  # prefix of the line in which the workload names its phase

WINDOW_S: Final = 30
"""Seconds of the window of alert rules; the deployed rules have minutes."""
_HOLD_S: Final = 2
_LEAST_CALLS: Final = 10
_INTERVAL_S: Final = 1.0

_PROGRAMS: Final[dict[Server, servers.ServerProgram]] = {
    "collector": servers.COLLECTOR,
    "prometheus": servers.PROMETHEUS,
    "alertmanager": servers.ALERTMANAGER,
}


def require_servers(settings: DemoSettings) -> None:
    """Make sure that the chosen third-party servers are installed.

    Raises:
        ServerError: a server is not installed; the message gives the command that installs it.
    """
    for server in SERVERS:
        if server in settings.servers:
            _PROGRAMS[server].require()


class DemoProcesses:
    """All processes of the demo. Use as a context manager: its end stops all of them.

    Condition of each, in `statuses`; `poll` changes it, in the loop of the demo:

        waiting ──▶ starting ──ready within _READY_S──▶ ready ──the application exits with 0──▶ done
                       └────────── any other exit ─────────┴──▶ failed
    """

    def __init__(self, settings: DemoSettings, ports: Ports, example: Path, folder: Path) -> None:
        self._settings = settings
        self._ports = ports
        self._example = example
        self._folder = folder
        self._processes: list[ChildProcess] = []
        self._ready_urls: dict[str, str] = {}
        self._application: ChildProcess | None = None
        self.programs: list[OwnProgram] = []
        """The started programs of otel-llm, in order."""
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
        """Start everything except the application.

        Raises:
            ServerError: a program cannot be started, or a third-party server did not become ready.
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
        """Start the application with its workload."""
        program = plan.application(self._ports, self._example, with_collector=self._with_collector)
        self._application = self._run(program)
        self._status("help desk").condition = "ready"

    @property
    def ready(self) -> bool:
        """True if everything except the application is ready."""
        return not any(status.condition == "starting" for status in self.statuses)

    @property
    def application_ended(self) -> bool:
        """True if the workload has ended."""
        return self._status("help desk").condition == "done"

    def poll(self, elapsed_s: float) -> None:
        """Update `statuses`.

        Raises:
            ServerError: a process ended too early, or was not ready in time; the message ends with the last lines
                of its log.
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

    def _poll_start(self, process: ChildProcess, status: PartStatus, elapsed_s: float) -> None:
        if process.is_ready(self._ready_urls[process.name]):
            status.condition = "ready"
        elif elapsed_s > _READY_S:
            raise ServerError(f"{process.name} was not ready within {_READY_S} s:\n{process.log_tail()}")

    def _poll_application(self, process: ChildProcess, status: PartStatus) -> None:
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

    def _start(self, program: OwnProgram, ready_url: str) -> None:
        self._ready_urls[program.name] = ready_url
        self._run(program)

    def _run(self, program: OwnProgram) -> ChildProcess:
        log_path = self._folder / f"{program.name.replace(' ', '-')}.log"
        process = ChildProcess(program.name, program.command, log_path=log_path, environment=program.environment)
        self._processes.append(process)
        self.programs.append(program)
        return process

    def _add(self, name: str, server: servers.RunningServer) -> None:
        server.process.name = name
        self._processes.append(server.process)
        self._status(name).condition = "ready"

    def _status(self, name: str) -> PartStatus:
        return next(status for status in self.statuses if status.name == name)

    def __enter__(self) -> DemoProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for process in self._processes:  # all together, since some take a second to end
            process.terminate()
        for process in reversed(self._processes):
            process.stop()
        if self.receiver:
            self.receiver.stop()
