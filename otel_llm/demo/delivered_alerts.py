"""Delivered alerts, read from the body of a webhook call."""

from __future__ import annotations

from otel_llm.demo.alert_receiver import Delivery
from otel_llm.demo.snapshot import DeliveredAlert
from otel_llm.demo.state import TOXICITY, State


def delivered_alerts(delivery: Delivery, state: State, now_s: float, window_s: float) -> list[DeliveredAlert]:
    """Return the alerts of one delivery, each with the seconds since the first bad call in its window.

    Source: Alertmanager's documentation, "webhook_config", version 4 of the body.
    """
    return [
        DeliveredAlert(
            name=alert["labels"]["alertname"],
            severity=alert["labels"].get("severity", ""),
            summary=alert["annotations"].get("summary", ""),
            status=alert["status"],
            delay_s=now_s - _first_bad_call_s(alert["labels"].get("slo"), state, now_s, window_s),
        )
        for alert in delivery["alerts"]
    ]


def _first_bad_call_s(slo: str | None, state: State, now_s: float, window_s: float) -> float:
    bad = state.failing(TOXICITY) if slo == "toxicity" else [call for call in state.calls if call.error_type]
    return min((call.start_s for call in bad if call.start_s >= now_s - window_s), default=now_s)
