"""The panels around the table of calls: the path, drift, totals, alerts, links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_llm.demo.screens.calls_table import seconds
from otel_llm.demo.screens.chart import column_chart
from otel_llm.demo.snapshot import Condition, DeliveredAlert, PartStatus, Snapshot
from otel_llm.demo.state import GROUNDEDNESS, TOXICITY, State

_CONDITIONS: Final[dict[Condition, tuple[str, str]]] = {
    "waiting": ("○", "dim"),
    "starting": ("◌", "yellow"),
    "ready": ("●", "green"),
    "done": ("✓", "green"),
    "failed": ("✗", "bold red"),
}


def path(parts: Sequence[PartStatus]) -> RenderableType:
    """Return the processes side by side in the order of the path, each with its condition and address."""
    grid = Table.grid(padding=(0, 1))
    cells: list[RenderableType] = []
    for number, part in enumerate(parts):
        if number:
            # the application calls the model server on its left; its telemetry goes to the right
            cells.append(Text("◀─" if number == 1 else "─▶", "dim"))
        mark, style = _CONDITIONS[part.condition]
        cells.append(Text.assemble((f"{mark} ", style), (part.name, "bold"), "\n  ", (part.address, "dim")))
    for _ in cells:
        grid.add_column(no_wrap=True)
    grid.add_row(*cells)
    return grid


def drift(state: State, *, width: int, height: int) -> RenderableType:
    """Return the drift of the questions: a chart of the statistic for each call, with the threshold."""
    if not state.drift:
        return Text("No question has been seen yet.", "dim")
    latest = state.drift[-1]
    if latest.threshold is None:
        return Text("The first questions are being collected as the reference.", "dim")
    if latest.statistic is None:
        told = Text(f"window {latest.count}/{latest.window}")
    else:
        alarm = (" ALARM ", "bold white on red") if latest.alarm else ("no alarm", "green")
        told = Text.assemble(alarm, " statistic ", (f"{latest.statistic:.3f}", "bold"))
    headline = Text.assemble(told, ", threshold ", (f"{latest.threshold:.3f}", "yellow"))
    headline.no_wrap, headline.overflow = True, "ellipsis"
    values = [point.statistic for point in state.drift if point.threshold is not None]
    return Group(headline, *column_chart(values, latest.threshold, width=width, height=height - 1))


def totals(state: State) -> RenderableType:
    """Return sums, percentiles and counts of results."""
    grid = Table.grid(padding=(0, 1))
    for _ in range(4):
        grid.add_column(no_wrap=True)
    grid.add_row("calls", Text(str(len(state.calls)), "bold"), "errors", _count(state.errors))
    grid.add_row("tokens", f"{state.input_tokens} → {state.output_tokens}", "cost", f"${state.cost_usd:.6f}")
    grid.add_row("p50", seconds(state.latency_s(50)), "p95", seconds(state.latency_s(95)))
    for title, evaluator, target in (
        ("toxic in", TOXICITY, "input"), ("toxic out", TOXICITY, "output"), ("ungrounded", GROUNDEDNESS, "output"),
    ):  # fmt: skip
        labels = state.labels(evaluator, target)
        of = Text(f"of {labels['pass'] + labels['partial'] + labels['fail']}", "dim")
        skipped = Text(f"{labels['not_applicable']} n/a" if labels["not_applicable"] else "", "dim")
        grid.add_row(title, _count(labels["fail"]), of, skipped)
    return grid


def alerts(delivered: Sequence[DeliveredAlert]) -> RenderableType:
    """Return the delivered alerts."""
    if not delivered:
        return Text("None was delivered yet.", "dim")
    return Group(
        *(
            Text.assemble(
                (f" {alert.severity} ", "bold white on red" if alert.status == "firing" else "dim"),
                (f" {alert.name} {alert.status}", "bold"),
                f" after {alert.delay_s:.0f} s: {alert.summary}",
            )
            for alert in delivered
        )
    )


def links(snapshot: Snapshot) -> RenderableType:
    """Return the next steps for the user."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(no_wrap=True, style="dim")
    for target, what in snapshot.links:
        grid.add_row(target, what)
    return grid


def _count(number: int) -> Text:
    return Text(str(number), "bold red" if number else "green")
