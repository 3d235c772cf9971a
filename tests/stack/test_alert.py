"""From counters on a page to the alert that a receiver is given: the real Prometheus and Alertmanager."""

from pathlib import Path

import pytest
from support.metrics import VALUES
from support.page import metrics_page, repeated
from support.servers import need

from otel_llm import names
from otel_llm.dashboards.links import UID
from otel_llm.dashboards.rules import ERROR_RATE, rules, rules_yaml
from otel_llm.demo import servers
from otel_llm.demo.alert_receiver import AlertReceiver
from otel_llm.demo.servers import start_alertmanager, start_prometheus
from otel_llm.errors import ServerError


def test_failing_calls_are_delivered_as_an_alert_and_their_end_as_its_end(tmp_path: Path) -> None:
    need(servers.PROMETHEUS, servers.ALERTMANAGER)
    rule_file = tmp_path / "rules.yaml"
    rule_file.write_text(rules_yaml(rules(window="3s", hold="1s", minimum=5, grafana_url="https://grafana.test")))
    labels = {label: VALUES[label] for label in names.OPERATION_DURATION.labels}
    well = {label: value for label, value in labels.items() if label != names.ERROR_TYPE}
    with (
        metrics_page() as (provider, address),
        AlertReceiver() as receiver,
        start_alertmanager(tmp_path, webhook_url=receiver.url, group_wait_s=0) as alertmanager,
        start_prometheus(
            tmp_path,
            targets={"shop": address},
            rule_files=[rule_file],
            alertmanager=alertmanager.address,
            interval_s=0.5,
        ) as prometheus,
    ):
        duration = provider.get_meter("test").create_histogram(names.OPERATION_DURATION.name, "s")
        with repeated(lambda: duration.record(0.1, well), every_s=0.1):
            prometheus.wait_for("service_name:gen_ai_client_operations:increase3s >= 5", timeout_s=60)
            assert not receiver.deliveries
            # all at once, in a series that was not there before
            for _ in range(30):
                duration.record(0.1, labels)
            delivery = receiver.wait_for(lambda one: one["status"] == "firing", timeout_s=60)
            receiver.wait_for(lambda one: one["status"] == "resolved", timeout_s=30)
    (alert,) = delivery["alerts"]
    assert alert["labels"] == {
        "alertname": ERROR_RATE.name,
        "service_name": "shop",
        "severity": "page",
        "slo": "errors",
    }
    assert alert["annotations"]["summary"].startswith("shop: ")
    assert alert["annotations"]["dashboard_url"] == f"https://grafana.test/d/{UID}?var-service_name=shop"
    assert alert["generatorURL"].startswith(prometheus.url)


def test_an_alert_that_does_not_come_is_an_error_that_says_what_came() -> None:
    with AlertReceiver() as receiver, pytest.raises(ServerError, match=r"within 0\.1 s; what arrived: \[\]"):
        receiver.wait_for(lambda _: True, timeout_s=0.1)
