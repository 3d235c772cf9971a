"""The alert rules: what is recorded, when an alert fires, and what it tells who is called.

Each alert is a share of calls above its threshold, for `hold`, among at least `minimum` calls in the window: with
fewer, one bad call would be a high share. Without traffic there is no share and no alert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from otel_llm.dashboards import links
from otel_llm.dashboards.promql import increase, select, share, total
from otel_llm.names import (
    ERROR_TYPE,
    EVALUATIONS,
    LABEL_EVALUATOR,
    LABEL_LABEL,
    LABEL_TARGET,
    OPERATION_DURATION,
    SERVICE_NAME,
    prometheus_label,
)

Rule = dict[str, Any]

FAILED: Final = f'{prometheus_label(ERROR_TYPE)}!=""'
FLAGGED: Final = f'{LABEL_LABEL}="fail"'
JUDGED: Final = f'{LABEL_LABEL}=~"pass|partial|fail"'  # not_applicable and error say nothing about the text
TOXICITY: Final = f'{LABEL_EVALUATOR}="toxicity"'


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert: a share of calls that must not exceed its threshold."""

    name: str
    labels: tuple[str, ...]
    """The attributes that tell calls apart: there is one alert for each combination."""
    whole: str
    whole_record: str
    """The counter of all calls, and what its recorded increase is named for: `<labels>:<record>:increase5m`."""
    part: str
    part_record: str
    """The counter of the bad calls, and what their recorded share is named for: `<labels>:<record>:ratio5m`."""
    threshold: float
    severity: str
    """`page`: someone must act now. `ticket`: someone must act this week."""
    slo: str
    summary: str
    description: str


ERROR_RATE: Final = Alert(
    name="LlmErrorRateHigh",
    labels=(SERVICE_NAME,),
    whole=select(OPERATION_DURATION, part="_count"),
    whole_record="gen_ai_client_operations",
    part=select(OPERATION_DURATION, FAILED, part="_count"),
    part_record="gen_ai_client_operation_errors",
    threshold=0.1,
    severity="page",
    slo="errors",
    summary="{{ $labels.service_name }}: {{ $value | humanizePercentage }} of LLM calls fail",
    description=(
        "More than {threshold:.0%} of the LLM calls of {{{{ $labels.service_name }}}} failed in the last {window}."
    ),
)

TOXICITY_RATE: Final = Alert(
    name="LlmToxicityRateHigh",
    labels=(SERVICE_NAME, LABEL_TARGET),
    whole=select(EVALUATIONS, TOXICITY, JUDGED),
    whole_record="otel_llm_toxicity_evaluations",
    part=select(EVALUATIONS, TOXICITY, FLAGGED),
    part_record="otel_llm_toxicity_failures",
    threshold=0.05,
    severity="ticket",
    slo="toxicity",
    summary="{{ $labels.service_name }}: {{ $value | humanizePercentage }} of {{ $labels.target }}s are toxic",
    description=(
        "More than {threshold:.0%} of the {{{{ $labels.target }}}}s of {{{{ $labels.service_name }}}} "
        "were found toxic in the last {window}."
    ),
)

ALERTS: Final = (ERROR_RATE, TOXICITY_RATE)


def rules(
    *,
    window: str = "5m",
    hold: str = "2m",
    minimum: int = 20,
    grafana_url: str = links.GRAFANA_URL,
    runbook_url: str | None = None,
) -> dict[str, Any]:
    """Return the content of a Prometheus rule file.

    Args:
        window: over what time the shares are taken, as Prometheus writes it: `5m`; at least four scrapes.
        hold: how long a share must stay above its threshold before the alert fires.
        minimum: how many calls the window must hold.
        grafana_url: where the dashboard is, for the alerts' links.
        runbook_url: where you keep the runbook; the alert's name is appended as `#fragment`. None: the panel of
            the dashboard.
    """
    return {
        "groups": [
            {
                "name": f"otel-llm-{alert.slo}",
                "rules": [
                    *_recorded(alert, window),
                    {
                        "alert": alert.name,
                        "expr": _condition(alert, window, minimum),
                        "for": hold,
                        "labels": {"severity": alert.severity, "slo": alert.slo},
                        "annotations": {
                            "summary": alert.summary,
                            "description": alert.description.format(threshold=alert.threshold, window=window),
                            **_links(alert, grafana_url, runbook_url),
                        },
                    },
                ],
            }
            for alert in ALERTS
        ]
    }


def rules_yaml(content: dict[str, Any], *, header: str = "") -> str:
    """Return the rule file's text; expressions of several lines stay readable."""
    return header + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1000)


def _recorded(alert: Alert, window: str) -> list[Rule]:
    whole, ratio = _names(alert, window)
    return [
        {"record": whole, "expr": total(increase(alert.whole, window), *alert.labels)},
        {"record": ratio, "expr": share(total(increase(alert.part, window), *alert.labels), whole)},
    ]


def _condition(alert: Alert, window: str, minimum: int) -> str:
    whole, ratio = _names(alert, window)
    return f"{ratio} > {alert.threshold:g}\nand on ({', '.join(_by(alert))})\n{whole} >= {minimum}"


def _links(alert: Alert, grafana_url: str, runbook_url: str | None) -> dict[str, str]:
    service = "{{ $labels.service_name | urlquery }}"
    return {
        "runbook_url": f"{runbook_url}#{alert.name.lower()}" if runbook_url else links.runbook_url(grafana_url),
        "dashboard_url": links.dashboard_url(grafana_url, service=service),
    }


def _by(alert: Alert) -> list[str]:
    return [prometheus_label(label) for label in alert.labels]


def _names(alert: Alert, window: str) -> tuple[str, str]:
    """Return the recorded series' names: of all calls, and of the bad ones' share."""
    level = "_".join(_by(alert))
    return f"{level}:{alert.whole_record}:increase{window}", f"{level}:{alert.part_record}:ratio{window}"


class _Dumper(yaml.SafeDumper):
    """YAML whose texts of several lines are blocks."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)
