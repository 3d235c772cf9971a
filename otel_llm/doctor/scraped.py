"""Whether Prometheus has the metrics, with the labels of the dashboards, and whether alerts reach anyone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from otel_llm import names
from otel_llm.doctor.finding import Finding, counted, note, ok, wrong
from otel_llm.doctor.pages import UnreachableError, api

_CALLS: Final = tuple(
    f"{metric.prometheus_name}_count" for metric in (names.OPERATION_DURATION, names.INFERENCE_DURATION)
)
"""Counts of calls, under the deployed and the newest name; `metric_names` may choose both."""
_SERVICE: Final = names.prometheus_label(names.SERVICE_NAME)
_ALERT: Final = "LlmErrorRateHigh"


def scraped(url: str, *, asked: bool) -> Iterator[Finding]:
    """Yield what the Prometheus at `url` has.

    Args:
        url: base URL of Prometheus, such as http://localhost:9090.
        asked: True if the user named the URL: then it is wrong if no Prometheus is there.
    """
    try:
        yield from _scraped(url)
    except UnreachableError as error:
        remedy = "start it, or name it with --prometheus URL"
        text = f"no Prometheus at {url}: {error}"
        yield wrong(text, remedy) if asked else note(text, remedy)


def _scraped(url: str) -> Iterator[Finding]:
    calls, nameless = _most(url, ""), _most(url, f'{{{_SERVICE}=""}}')
    if calls is None:
        yield wrong(
            f"Prometheus at {url} has no metrics of applications ({' or '.join(_CALLS)})",
            "make a call; if none comes, scrape the Collector's page of applications' metrics: docs/collector.md",
        )
    else:
        yield ok(f"Prometheus at {url} has metrics of applications: {counted(calls, 'call')}")
    if nameless:
        yield wrong(
            f"{counted(nameless, 'call')} without {_SERVICE}: panels and alerts cannot tell services apart",
            "with OTLP into Prometheus: `otlp: {promote_resource_attributes: [service.name]}` in prometheus.yml; "
            "through a Collector: docs/collector.md",
        )
    if (results := _sum(url, names.EVALUATIONS.prometheus_name)) is None:
        yield wrong(
            f"Prometheus at {url} does not scrape the evaluation service ({names.EVALUATIONS.prometheus_name})",
            "add its telemetry port (8888), path /metrics, to scrape_configs",
        )
    else:
        yield ok(f"Prometheus at {url} has results of evaluations: {results:,.0f}")
    yield from _alerts(url)


def _alerts(url: str) -> Iterator[Finding]:
    groups = api(f"{url}/api/v1/rules")["groups"]
    if not any(rule.get("name") == _ALERT for group in groups for rule in group["rules"]):
        yield note(
            "the alert rules are not loaded", "name dashboards/rules.yaml in rule_files: docs/dashboards.md"
        )
    elif api(f"{url}/api/v1/alertmanagers")["activeAlertmanagers"]:
        yield ok("the alert rules are loaded, and an Alertmanager gets what fires")
    else:
        yield wrong(
            "the alert rules are loaded, and no Alertmanager gets what fires",
            "name one under `alerting` in prometheus.yml",
        )


def _most(url: str, matchers: str) -> float | None:
    """Return the number of calls now by the name that has the most; None where there is none."""
    sums = [_sum(url, f"{name}{matchers}") for name in _CALLS]
    return max((each for each in sums if each is not None), default=None)


def _sum(url: str, selector: str) -> float | None:
    """Return the sum of the series now; None where there is none."""
    result: list[Any] = api(f"{url}/api/v1/query", query=f"sum({selector})")["result"]
    return float(result[0]["value"][1]) if result else None
