import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from otel_llm.assets import asset
from otel_llm.config.demo import DemoSettings
from otel_llm.demo import plan
from otel_llm.errors import PortTakenError
from otel_llm.ports import bind, free_port

EXAMPLE = asset("examples", "rag")
ANY = {"model_port": 0, "grpc_port": 0, "http_port": 0, "telemetry_port": 0}
STACK = ANY | {"prometheus_port": 0, "alertmanager_port": 0, "servers": frozenset(("collector", "prometheus"))}


def option(program, name):
    return program.arguments[program.arguments.index(name) + 1]


def test_without_a_collector_the_application_exports_to_the_service():
    ports = plan.choose_ports(DemoSettings(**ANY))
    service = plan.evaluation_service(ports, EXAMPLE, with_collector=False)
    application = plan.application(ports, EXAMPLE, with_collector=False)

    assert option(application, "--endpoint") == f"http://127.0.0.1:{option(service, '--http-port')}"
    assert application.environment["OTEL_METRICS_EXPORTER"] == "none"
    assert "--events-endpoint" not in service.arguments


def test_with_a_collector_the_application_exports_to_it_and_events_come_back():
    ports = plan.choose_ports(DemoSettings(**STACK))
    service = plan.evaluation_service(ports, EXAMPLE, with_collector=True)
    application = plan.application(ports, EXAMPLE, with_collector=True)

    assert option(application, "--endpoint") == f"http://127.0.0.1:{ports.collector_http}"
    assert option(service, "--events-endpoint") == f"http://127.0.0.1:{ports.collector_events}"
    assert "OTEL_METRICS_EXPORTER" not in application.environment


def test_any_free_ports_are_all_different():
    ports = plan.choose_ports(DemoSettings(**STACK))
    chosen = [
        ports.model, ports.service_grpc, ports.service_http, ports.telemetry, ports.collector_grpc,
        ports.collector_http, ports.collector_events, ports.prometheus,
    ]  # fmt: skip

    assert len(set(chosen)) == len(chosen)
    assert ports.alertmanager == 0


@pytest.mark.parametrize("name", sorted(ANY))
def test_a_taken_port_is_reported_with_the_option_that_changes_it(name):
    with bind("127.0.0.1", 0, "") as sock:
        sock.listen()
        taken = sock.getsockname()[1]
        option = "--" + name.replace("_", "-")
        with pytest.raises(PortTakenError, match=f"port {taken} .*{option} "):
            plan.choose_ports(DemoSettings(**(ANY | {name: taken})))


def test_one_port_given_twice_is_reported():
    port = free_port()

    with pytest.raises(PortTakenError, match="--http-port"):
        plan.choose_ports(DemoSettings(**(ANY | {"grpc_port": port, "http_port": port})))


def test_a_command_can_be_copied(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    program = plan.OwnProgram(name="x", arguments=("run", "--", str(tmp_path / "a b")), environment={"KEY": "v w"})

    assert shlex.split(program.shell) == [
        "KEY=v w",
        str(Path(sys.executable).with_name("otel-llm")),
        "run",
        "--",
        "a b",
    ]


def test_every_scripted_question_has_a_rule_of_its_own_or_is_off_topic():
    workload = tomllib.loads((EXAMPLE / "workload.toml").read_text())
    rules = [
        rule["match"] for rule in tomllib.loads((EXAMPLE / "script.toml").read_text())["rule"] if "match" in rule
    ]
    on_topic = [question for phase in workload["phase"][:2] for question in phase["questions"]]

    for question in on_topic:
        if "model" not in question:
            assert any(re.search(rule, question["ask"]) for rule in rules), question["ask"]


def test_the_workload_fills_reference_and_window_before_the_subject_changes():
    first, second, third = tomllib.loads((EXAMPLE / "workload.toml").read_text())["phase"]

    assert len(first["questions"]) == 24
    assert len(second["questions"]) >= 12
    assert len(third["questions"]) >= 18
    assert plan.count_calls(EXAMPLE) == sum(len(phase["questions"]) for phase in (first, second, third))
