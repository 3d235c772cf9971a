"""What the demo is at one moment: all that a view needs to draw it."""

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
    """What it does at the moment; empty where there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredAlert:
    """An alert as Alertmanager delivered it to our receiver."""

    name: str
    severity: str
    summary: str
    status: str
    """firing or resolved."""
    delay_s: float
    """To the delivery from the first bad call that the alert's window held."""


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """The whole demo; the loop that runs it changes this object, the views only read it."""

    parts: list[PartStatus]
    expected_calls: int
    """Calls that the workload makes."""
    links: list[tuple[str, str]] = field(default_factory=list)
    """Where to look next: (what to type or open, what is there)."""
    awaited_alerts: frozenset[str] = frozenset()
    """Names of the alerts that must be delivered; none where there is no Alertmanager."""
    alerts: list[DeliveredAlert] = field(default_factory=list)
    state: State = field(default_factory=State)
    elapsed_s: float = 0.0
    first_scored_s: float | None = None
    """From the start to the first scored call."""
    closing: str = ""
    """What the user can do now that the workload has ended."""

    @property
    def missing_alerts(self) -> frozenset[str]:
        """Names of the awaited alerts that were not delivered yet."""
        return self.awaited_alerts - {alert.name for alert in self.alerts if alert.status == "firing"}
