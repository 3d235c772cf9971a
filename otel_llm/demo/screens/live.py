"""Screens that show a changing snapshot: a live view on a terminal, lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.live import Live

from otel_llm.demo.screens.calls_table import clock, result_text, seconds, tokens
from otel_llm.demo.screens.view import View
from otel_llm.demo.snapshot import PartStatus, Snapshot
from otel_llm.demo.state import GROUNDEDNESS, TOXICITY, EvaluatedCall


class Screen(Protocol):
    """Shows a snapshot; a context manager that restores the terminal at its end."""

    def refresh(self) -> None:
        """Show the current snapshot."""

    def __enter__(self) -> Screen: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class LiveScreen:
    """The whole terminal, redrawn at each refresh."""

    def __init__(self, snapshot: Snapshot, console: Console) -> None:
        self._live = Live(View(snapshot), console=console, screen=True, auto_refresh=False)

    def refresh(self) -> None:
        """Redraw the terminal."""
        self._live.refresh()

    def __enter__(self) -> LiveScreen:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, at)


class PlainScreen:
    """One line for each change since the last refresh."""

    def __init__(self, snapshot: Snapshot, console: Console) -> None:
        self._snapshot = snapshot
        self._console = console
        self._calls = 0
        self._alerts = 0
        self._parts: dict[str, str] = {}
        self._alarm = False
        self._closing = ""

    def refresh(self) -> None:
        """Print the changes since the last refresh."""
        snapshot = self._snapshot
        for part in snapshot.parts:
            self._part(part)
        for call in snapshot.state.calls[self._calls :]:
            self._print(call_line(call))
        self._calls = len(snapshot.state.calls)
        self._drift()
        for alert in snapshot.alerts[self._alerts :]:
            head = f"alert {alert.name} ({alert.severity}) {alert.status} after {alert.delay_s:.0f} s"
            self._print(f"{head}: {alert.summary}")
        self._alerts = len(snapshot.alerts)
        if snapshot.closing != self._closing:
            self._closing = snapshot.closing
            self._print(snapshot.closing)

    def _part(self, part: PartStatus) -> None:
        line = f"{part.name} {part.address}: {part.condition}{f' ({part.note})' if part.note else ''}"
        if part.condition != "waiting" and self._parts.get(part.name) != line:
            self._print(line)
        self._parts[part.name] = line

    def _drift(self) -> None:
        points = self._snapshot.state.drift
        if points and points[-1].alarm != self._alarm:
            point = points[-1]
            self._alarm = point.alarm
            state = "raised" if point.alarm else "over"
            self._print(f"drift alarm {state}: statistic {point.statistic:.3f}, threshold {point.threshold:.3f}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def call_line(call: EvaluatedCall) -> str:
    """Return a call as one line of text."""
    results = call.results
    fields = [
        clock(call.start_s),
        call.model,
        f'"{" ".join(call.question.split())}"',
        f"{tokens(call)} tokens",
        "no price" if call.cost_usd is None else f"${call.cost_usd:.7f}",
        seconds(call.duration_s),
        f"first chunk {seconds(call.time_to_first_chunk_s)}",
        f"toxicity in {result_text(results.get((TOXICITY, 'input')))}",
        f"out {result_text(results.get((TOXICITY, 'output')))}",
        f"grounded {result_text(results.get((GROUNDEDNESS, 'output')))}",
    ]
    if call.error_type:
        fields.append(f"error {call.error_type}")
    return "  ".join(fields)
