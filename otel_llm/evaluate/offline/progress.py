"""A progress bar on stderr, if stderr is a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

_LONG_S = 99 * 3600


class _Speed(ProgressColumn):
    """Lines per second, and the time that the rest takes at that speed."""

    def render(self, task: Task) -> Text:
        if not task.speed:
            return Text("")
        speed = f"{task.speed:.1f}" if task.speed < 100 else f"{task.speed:,.0f}"
        left = f", {_duration(task.time_remaining)} left" if task.time_remaining else ""
        return Text(f"{speed} lines/s{left}", "dim")


class LineProgress:
    """One bar for one phase after the other; no bar if the console is no terminal, or `shown` is False."""

    def __init__(self, console: Console, *, shown: bool) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Speed(),
            console=console,
            transient=True,
            redirect_stdout=False,
            expand=True,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> LineProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Remove the bar; a second call does nothing."""
        self._progress.stop()

    def phase(self, name: str, total: int | None = None) -> None:
        """Begin a phase of `total` lines; None means an unknown number."""
        self._progress.reset(self._task, description=name, total=total)

    def at(self, lines: int) -> None:
        """Show that `done` lines of the phase are done."""
        self._progress.update(self._task, completed=lines)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(min(seconds, _LONG_S)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
