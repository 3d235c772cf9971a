"""The alert rules: held by promtool, with links that lead somewhere, and a runbook for each."""

import subprocess
from pathlib import Path

import pytest
import yaml
from support.servers import need

from otel_llm.assets import asset
from otel_llm.dashboards.rules import ALERTS, rules, rules_yaml
from otel_llm.demo import servers

UNIT_TESTS = sorted(asset("dashboards", "tests").glob("*.yaml"))
CHECK = ("check", "rules", "--lint=all", "--lint-fatal")
RUNBOOK = asset("dashboards", "runbook.md").read_text()


def promtool(*arguments: str | Path) -> str:
    need(servers.PROMTOOL)
    done = subprocess.run(
        [servers.PROMTOOL.require(), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def of(content: dict, kind: str) -> list[dict]:
    return [rule for group in content["groups"] for rule in group["rules"] if kind in rule]


def alerts(content: dict) -> list[dict]:
    found = of(content, "alert")
    assert found
    return found


def test_the_rule_file_passes_every_check_of_promtool() -> None:
    assert "6 rules found" in promtool(
        "check", "rules", "--lint=all", "--lint-fatal", asset("dashboards", "rules.yaml")
    )


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_alerts_fire_and_resolve_as_their_unit_tests_say(file: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", file)


def test_every_alert_has_unit_tests() -> None:
    tested = {
        case["alertname"]
        for file in UNIT_TESTS
        for test in yaml.safe_load(file.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert tested == {alert.name for alert in ALERTS}


def test_every_alert_has_a_section_in_the_runbook_and_no_section_is_left_over() -> None:
    sections = {line.removeprefix("## ") for line in RUNBOOK.splitlines() if line.startswith("## ")}
    assert sections == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_the_runbook_tells_what_an_alert_means_where_to_look_and_what_to_do(alert) -> None:
    section = RUNBOOK.split(f"## {alert.name}\n")[1].split("\n## ")[0]
    for part in ("**What it means.**", "**Look first**", "**What to do.**"):
        assert part in section
    assert f"{alert.threshold:.0%}".replace("%", " %") in section


def test_other_windows_make_other_names_and_conditions(tmp_path: Path) -> None:
    content = rules(window="10s", hold="1s", minimum=3, runbook_url="https://wiki.test/llm")
    file = tmp_path / "rules.yaml"
    file.write_text(rules_yaml(content))
    promtool(*CHECK, file)
    assert {rule["record"][-3:] for rule in of(content, "record")} == {"10s"}
    for alert in alerts(content):
        assert alert["for"] == "1s"
        assert alert["expr"].endswith(":increase10s >= 3")
        assert alert["annotations"]["runbook_url"] == f"https://wiki.test/llm#{alert['alert'].lower()}"
        assert alert["annotations"]["description"].endswith("in the last 10s.")


def test_an_alert_tells_whom_to_call_and_where_to_look() -> None:
    for alert in alerts(rules()):
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["labels"]["slo"]
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
