"""Every query of the dashboard and of the rules, against the real Prometheus and a page of the real SDK."""

from urllib.error import HTTPError

import pytest
from support.metrics import record_every_metric
from support.page import metrics_page, repeated
from support.servers import need

from otel_llm.dashboards.overview import overview, queries
from otel_llm.dashboards.rules import rules, rules_yaml
from otel_llm.demo import servers
from otel_llm.demo.servers import Prometheus, start_prometheus

SCRAPE_S = 0.25
RULES = rules(window="2s", hold="0s", minimum=1)
EVERY_RULE = [rule for group in RULES["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory):
    """A Prometheus that has seen every metric of the table grow."""
    need(servers.PROMETHEUS)
    folder = tmp_path_factory.mktemp("prometheus")
    rule_file = folder / "rules.yaml"
    rule_file.write_text(rules_yaml(RULES))
    with (
        metrics_page() as (provider, address),
        repeated(lambda: record_every_metric(provider), every_s=SCRAPE_S / 4),
        start_prometheus(
            folder, targets={"everything": address}, rule_files=[rule_file], interval_s=SCRAPE_S
        ) as running,
    ):
        running.wait_for("up == 1", timeout_s=60)
        yield running


def test_every_query_of_the_dashboard_returns_data(prometheus: Prometheus) -> None:
    found = queries(overview(), rate_interval="10s", range_="1m")
    assert len(found) > 20
    for _, expression in found:
        prometheus.wait_for(expression, timeout_s=60)


@pytest.mark.parametrize(
    "expression",
    [rule["expr"] for group in RULES["groups"] for rule in group["rules"]],
    ids=lambda text: text[:40],
)
def test_every_expression_of_the_rules_returns_data(prometheus: Prometheus, expression: str) -> None:
    """The alerts' among them: on this page every call fails and every text is toxic."""
    prometheus.wait_for(expression, timeout_s=60)


def test_a_share_is_one_where_everything_fails(prometheus: Prometheus) -> None:
    samples = prometheus.wait_for("service_name:gen_ai_client_operation_errors:ratio2s", timeout_s=60)
    assert [(sample.labels["service_name"], sample.value) for sample in samples] == [("shop", 1.0)]


def test_prometheus_scrapes_and_evaluates_as_often_as_it_is_told(prometheus: Prometheus) -> None:
    configuration = prometheus.api("status/config")["yaml"]
    assert "scrape_interval: 250ms" in configuration
    assert "evaluation_interval: 250ms" in configuration


def test_a_query_that_is_no_promql_is_an_error(prometheus: Prometheus) -> None:
    with pytest.raises(HTTPError, match="400"):
        prometheus.query("sum by (")
