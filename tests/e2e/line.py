"""The whole path, running: model server, application, Collector, service, Prometheus, Alertmanager, a webhook."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otlp_sink import OtlpSink, otlp_sink

from otel_llm.dashboards.rules import rules, rules_yaml
from otel_llm.demo import servers
from otel_llm.demo.alert_receiver import AlertReceiver
from otel_llm.demo.child_process import ChildProcess
from otel_llm.ports import free_port

HERE = Path(__file__).parent
SERVICE = "end-to-end"
OTEL_LLM = (sys.executable, "-m", "otel_llm")
PRICES = """
[models."smollm2-135m-instruct"]
input_usd_per_mtok = 1.0
output_usd_per_mtok = 2.0

[models."scripted"]
input_usd_per_mtok = 1.0
output_usd_per_mtok = 2.0
"""
SETTINGS = """
evaluate:
  drift: {reference_size: 20, window: 8}
"""


@dataclass(frozen=True)
class Line:
    """What a test asks about a run that is over, with the servers still up."""

    backend: OtlpSink
    """Where the Collector sends spans and log records."""
    prometheus: servers.Prometheus
    alerts: AlertReceiver
    report: dict[str, Any]
    """What the application saw: calls, errors, streams, input_tokens, output_tokens."""
    rules: dict[str, Any]


@contextmanager
def running_line(folder: Path) -> Iterator[Line]:
    """Start everything, run the application to its end, and give what arrived."""
    (folder / "prices.toml").write_text(PRICES)
    (folder / "service.yaml").write_text(SETTINGS)
    model, service_grpc, service_http, telemetry = (free_port() for _ in range(4))
    with ExitStack() as stack:
        backend = stack.enter_context(otlp_sink())
        alerts = stack.enter_context(AlertReceiver())

        def start(name: str, *arguments: str, ready_url: str) -> None:
            process = ChildProcess(name, [*OTEL_LLM, *arguments], log_path=folder / f"{name}.log")
            stack.enter_context(process).wait_ready(ready_url, 120)

        start(
            "serve", "serve", "--port", str(model), "--script", str(HERE / "script.toml"),
            ready_url=f"http://127.0.0.1:{model}/healthz",
        )  # fmt: skip
        collector = stack.enter_context(
            servers.start_collector(
                folder,
                evaluation=f"127.0.0.1:{service_grpc}",
                traces_url=backend.endpoint,
                logs_url=backend.endpoint,
            )
        )
        start(
            "service", "collector", "--config", str(folder / "service.yaml"),
            "--grpc-port", str(service_grpc), "--http-port", str(service_http),
            "--telemetry-port", str(telemetry), "--events-endpoint", collector.events_url,
            ready_url=f"http://127.0.0.1:{telemetry}/healthz",
        )  # fmt: skip
        alertmanager = stack.enter_context(
            servers.start_alertmanager(folder, webhook_url=alerts.url, group_wait_s=0)
        )
        content = rules(window="20s", hold="1s", minimum=8)
        rule_file = folder / "rules.yaml"
        rule_file.write_text(rules_yaml(content))
        prometheus = stack.enter_context(
            servers.start_prometheus(
                folder,
                targets={"otel-llm": f"127.0.0.1:{telemetry}", "collector": collector.metrics},
                rule_files=[rule_file],
                alertmanager=alertmanager.address,
                interval_s=1,
            )
        )
        # a counter's growth is seen from the second scrape on
        prometheus.wait_for("count(up == 1) == 2", 30)
        yield Line(backend, prometheus, alerts, run_application(folder, model, collector.http_url), content)


def run_application(folder: Path, model_port: int, endpoint: str) -> dict[str, Any]:
    """Run app.py under `otel-llm run` to its end and return its report."""
    report = folder / "report.json"
    command = [
        *OTEL_LLM, "run", "--endpoint", endpoint, "--service-name", SERVICE, "--capture-content", "--",
        sys.executable, str(HERE / "app.py"), f"http://127.0.0.1:{model_port}/v1", str(report),
    ]  # fmt: skip
    environment = {"OTEL_LLM_PRICES": str(folder / "prices.toml"), "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    with ChildProcess("app", command, log_path=folder / "app.log", environment=environment) as app:
        assert app.wait(120) == 0, app.log_tail()
    return json.loads(report.read_text())
