"""The demo from start to end: processes, workload, view, summary."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from rich.console import Console

from otel_llm.assets import asset
from otel_llm.config.demo import DemoSettings
from otel_llm.dashboards.rules import ERROR_RATE, TOXICITY_RATE
from otel_llm.demo import interrupt, plan
from otel_llm.demo.delivered_alerts import delivered_alerts
from otel_llm.demo.feed_reader import FeedReader
from otel_llm.demo.interrupt import Interrupted
from otel_llm.demo.plan import HOST, Ports
from otel_llm.demo.processes import WINDOW_S, DemoProcesses
from otel_llm.demo.promises import Promise, check_promises
from otel_llm.demo.screens.live import LiveScreen, PlainScreen, Screen
from otel_llm.demo.screens.picture import save_svg
from otel_llm.demo.snapshot import Snapshot
from otel_llm.demo.summary import print_summary

_TICK_S: Final = 0.2
_LAST_CALLS_S: Final = 20  # from the end of the workload until the service has evaluated the last call
_ALERTS_S: Final = 60


class Demo:
    """One run, in one thread: starting, workload, alerts, summary; with `keep`, it then runs until a signal."""

    def __init__(self, settings: DemoSettings, ports: Ports, folder: Path, console: Console) -> None:
        """Prepare the run; `folder` takes the logs."""
        example = asset("examples", "rag")
        self._settings = settings
        self._telemetry_port = ports.telemetry
        self._console = console
        self._processes = DemoProcesses(settings, ports, example, folder)
        self._snapshot = Snapshot(
            parts=self._processes.statuses,
            expected_calls=plan.count_calls(example),
            links=_links(settings, ports),
            awaited_alerts=_awaited_alerts(settings),
        )
        live = console.is_terminal and not settings.plain
        self._screen: Screen = (LiveScreen if live else PlainScreen)(self._snapshot, console)
        self._feed: FeedReader | None = None
        self._deliveries = 0
        self._promises: list[Promise] = []
        self._begun = time.monotonic()

    def run(self) -> int:
        """Run the demo, print a summary, and return the exit code.

        0: all promises were kept. 1: a promise was not kept. 128 + n: signal n ended the run before its summary;
        with `keep`, a signal after the summary ends the run normally.

        Raises:
            ServerError: a process did not become ready, or ended too early.
        """
        try:
            with self._processes, self._screen:
                try:
                    self._start()
                    self._follow_workload()
                    self._await_alerts()
                    self._finish()
                finally:
                    interrupt.ignore()  # the clean-up begins: signals must not interrupt it
                    if self._feed:
                        self._feed.close()
        except Interrupted as error:
            if not self._promises:
                calls, expected = len(self._snapshot.state.calls), self._snapshot.expected_calls
                self._console.print(f"Stopped by {error} after {calls} of {expected} calls.")
                return error.exit_code
        print_summary(self._console, self._snapshot, self._promises, self._processes.programs)
        return 0 if all(promise.kept for promise in self._promises) else 1

    def _start(self) -> None:
        self._screen.refresh()
        self._processes.start()
        while not self._processes.ready:
            self._tick()
        self._feed = FeedReader(HOST, self._telemetry_port)
        self._processes.start_application()

    def _follow_workload(self) -> None:
        snapshot = self._snapshot
        while not self._processes.application_ended:
            self._tick()
        deadline = time.monotonic() + _LAST_CALLS_S
        while len(snapshot.state.calls) < snapshot.expected_calls and time.monotonic() < deadline:
            self._tick()

    def _await_alerts(self) -> None:
        deadline = time.monotonic() + _ALERTS_S
        while self._snapshot.missing_alerts and time.monotonic() < deadline:
            self._tick()

    def _finish(self) -> None:
        self._promises = check_promises(self._snapshot)
        self._snapshot.closing = "The workload is done."
        if self._settings.keep:
            self._snapshot.closing += " The servers run on until Ctrl-C."
        self._screen.refresh()
        if self._settings.save_svg:
            save_svg(self._snapshot, self._settings.save_svg)
        while self._settings.keep:
            self._tick()

    def _tick(self) -> None:
        """Wait `_TICK_S`, then read and show all changes."""
        time.sleep(_TICK_S)
        interrupt.raise_deferred()
        snapshot = self._snapshot
        snapshot.elapsed_s = time.monotonic() - self._begun
        self._processes.poll(snapshot.elapsed_s)
        for line in self._feed.take() if self._feed else []:
            call = snapshot.state.add(line)
            if call.scored and snapshot.first_scored_s is None:
                snapshot.first_scored_s = snapshot.elapsed_s
        self._take_alerts()
        self._screen.refresh()

    def _take_alerts(self) -> None:
        deliveries = self._processes.receiver.deliveries if self._processes.receiver else []
        for delivery in deliveries[self._deliveries :]:
            self._snapshot.alerts += delivered_alerts(delivery, self._snapshot.state, time.time(), WINDOW_S)
        self._deliveries = len(deliveries)


def _awaited_alerts(settings: DemoSettings) -> frozenset[str]:
    if "alertmanager" not in settings.servers:
        return frozenset()
    # the error rate comes from the metrics of the application, which reach Prometheus through the Collector
    alerts = (TOXICITY_RATE, ERROR_RATE) if "collector" in settings.servers else (TOXICITY_RATE,)
    return frozenset(alert.name for alert in alerts)


def _links(settings: DemoSettings, ports: Ports) -> list[tuple[str, str]]:
    links = [
        (f"curl http://{HOST}:{ports.telemetry}/metrics", "scores, labels and drift, as Prometheus scrapes them")
    ]
    if "prometheus" in settings.servers:
        links.append((f"http://{HOST}:{ports.prometheus}/alerts", "the rules, and the state of their alerts"))
    if "alertmanager" in settings.servers:
        links.append((f"http://{HOST}:{ports.alertmanager}", "the alerts that are firing"))
    return links
