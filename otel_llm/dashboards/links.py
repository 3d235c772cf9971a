"""The links of an alert: to the dashboard, and to the alert's paragraph of the runbook."""

from __future__ import annotations

from typing import Final

UID: Final = "otel-llm-overview"
"""The dashboard's fixed id: every link in an alert, and a later push, find it by this."""

RUNBOOK_PANEL: Final = 100

GRAFANA_URL: Final = "http://localhost:3000"
"""Grafana's own default; `otel-llm dashboards build --grafana-url` puts another into the alerts."""


def dashboard_url(grafana_url: str, *, service: str = "") -> str:
    """Return the dashboard's address; `service`, the value or a template of it, is preselected."""
    chosen = f"?var-service_name={service}" if service else ""
    return f"{grafana_url.rstrip('/')}/d/{UID}{chosen}"


def runbook_url(grafana_url: str) -> str:
    """Return the address of the dashboard's runbook panel alone."""
    return f"{grafana_url.rstrip('/')}/d/{UID}?viewPanel={RUNBOOK_PANEL}"
