"""The live view: a snapshot as one screen that fills the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from otel_llm.demo.screens import panels
from otel_llm.demo.screens.calls_table import calls_table
from otel_llm.demo.snapshot import Snapshot

_HEAD = 4  # lines of the path
_BOTTOM = 9  # lines of the panels of drift and totals
_TOTALS_WIDTH = 46
_LEAST_FOR_PANELS = 22  # lines of the terminal; with fewer, the calls get all the room
_FRAME = 2
_TABLE_HEAD = 2


class View:
    """Draws a snapshot at the size of its console."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.height
        yield from console.render(self._layout(console.width, height), options.update(height=height))

    def _layout(self, width: int, height: int) -> Layout:
        snapshot = self._snapshot
        foot = max(1, len(snapshot.links))
        alerts = _FRAME + max(1, len(snapshot.alerts)) if snapshot.awaited_alerts else 0
        bottom = _BOTTOM if height >= _LEAST_FOR_PANELS else 0
        rows = max(1, height - _HEAD - bottom - foot - alerts - _FRAME - _TABLE_HEAD)
        calls = calls_table(snapshot.state.calls[-rows:], width - _FRAME)
        layout = Layout()
        layout.split_column(
            Layout(self._head(), size=_HEAD),
            Layout(_panel(calls, "calls")),
            Layout(name="bottom", size=bottom, visible=bottom > 0),
            Layout(_panel(panels.alerts(snapshot.alerts), "alerts as delivered"), size=alerts, visible=alerts > 0),
            Layout(panels.links(snapshot), size=foot),
        )
        drift = panels.drift(snapshot.state, width=width - _TOTALS_WIDTH - _FRAME - 2, height=_BOTTOM - _FRAME)
        layout["bottom"].split_row(
            Layout(_panel(drift, "drift of the questions")),
            Layout(_panel(panels.totals(snapshot.state), "totals"), size=_TOTALS_WIDTH),
        )
        return layout

    def _head(self) -> RenderableType:
        snapshot = self._snapshot
        calls = f"{len(snapshot.state.calls)}/{snapshot.expected_calls} calls"
        activity = [part.note for part in snapshot.parts if part.note]
        progress = [*activity, calls, f"{snapshot.elapsed_s:.0f} s", "Ctrl-C stops"]
        return Panel(
            panels.path(snapshot.parts),
            box=box.ROUNDED,
            title=Text("otel-llm demo", "bold"),
            title_align="left",
            subtitle=Text(snapshot.closing or ", ".join(progress), "dim"),
            subtitle_align="right",
            border_style="dim",
        )


def _panel(content: RenderableType, title: str) -> Panel:
    return Panel(content, box=box.ROUNDED, title=Text(title, "bold"), title_align="left", border_style="dim")
