"""The state of the demo at one moment, as a view draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from otel_llm.demo.state import State

Condition = Literal["waiting", "starting", "ready", "done", "failed"]


@dataclass(slots=True, kw_only=True)
class PartStatus:
    """One part of the path that a call takes."""

    name: str
    address: str = ""
    condition: Condition = "starting"
    note: str = ""
    """Current activity; empty if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredAlert:
    """An alert as Alertmanager delivered it to our receiver."""

    name: str
    severity: str
    summary: str
    status: str
    """firing or resolved."""
    delay_s: float
    """Seconds from the first bad call in the alert's window to the delivery."""


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """The state of the whole demo; the loop of the demo changes it, the views only read it."""

    parts: list[PartStatus]
    expected_calls: int
    """Calls that the workload makes."""
    links: list[tuple[str, str]] = field(default_factory=list)
    """Next steps: pairs of what to type or open, and what is there."""
    awaited_alerts: frozenset[str] = frozenset()
    """Names of the alerts that must be delivered; empty without an Alertmanager."""
    alerts: list[DeliveredAlert] = field(default_factory=list)
    state: State = field(default_factory=State)
    elapsed_s: float = 0.0
    first_scored_s: float | None = None
    """Seconds from the start to the first scored call; None before it."""
    closing: str = ""
    """Message to the user after the end of the workload; empty before it."""

    @property
    def missing_alerts(self) -> frozenset[str]:
        """Names of the awaited alerts that were not delivered yet."""
        return self.awaited_alerts - {alert.name for alert in self.alerts if alert.status == "firing"}
