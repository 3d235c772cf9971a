"""Results for people: the worst ones of each evaluator, then a table with a line for each evaluator and target."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_llm.evaluate.definition.result import Target
from otel_llm.evaluate.offline.records import RecordResult
from otel_llm.evaluate.offline.tally import Row, Tally

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.manifest import EvaluatorManifest

_EXPLANATION_CHARACTERS: Final = 200
"""Characters of an explanation on a terminal; in a file or pipe nothing is cut."""
_PIPE_WIDTH: Final = 200
# an explanation may quote an answer, and an answer must not control the terminal
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


class TableWriter:
    """Prints, at the end, the worst results and then the table, which a terminal shows last."""

    def __init__(self, console: Console, tally: Tally, manifests: Mapping[str, EvaluatorManifest]) -> None:
        self._console = console
        self._tally = tally
        self._manifests = manifests
        self._started = time.monotonic()

    def add(self, results: Sequence[RecordResult]) -> None:
        """Do nothing: the tally counts the results."""

    def close(self) -> None:
        """Print, if any record was evaluated."""
        if not self._tally.records:
            return
        for evaluator, target, row in self._tally.rows():
            if row.worst or row.first_error:
                self._console.print(_title(evaluator, target, self._manifests[evaluator]))
                self._console.print(_worst(row, self._console))
                self._console.print()
        self._console.print(_counts(self._tally))
        seconds = time.monotonic() - self._started
        lines = f"{self._tally.records:,} line{'s' * (self._tally.records > 1)} in {seconds:,.1f} s"
        self._console.print(Text(f"{lines}, {self._tally.records / seconds:,.1f} a second", "dim"))


def console_for(file: BinaryIO) -> Console:
    """Return a console on stdout if the file is stdout, else on the file, in UTF-8."""
    if file is sys.stdout.buffer:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(
                errors="replace"
            )  # an explanation may have characters that the terminal's encoding lacks
        return Console(highlight=False, width=width_on(sys.stdout))
    text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
    return Console(highlight=False, width=width_on(text), file=text)


def width_on(file: TextIO) -> int | None:
    """Return the columns of a table in a file or pipe; None on a terminal, and where COLUMNS says how many."""
    return None if file.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH


def _title(evaluator: str, target: Target, manifest: EvaluatorManifest) -> Text:
    side = "at and above" if manifest.fails == "above" else "below"
    return Text.assemble((f"{evaluator}.{target}", "bold"), f" fails {side} {manifest.threshold:.2f}")


def _worst(row: Row, console: Console) -> Table:
    limit = _EXPLANATION_CHARACTERS if console.is_terminal else None
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=console.width // 4)
    table.add_column(overflow="fold")
    for result in row.worst:
        score = "" if result.score is None else f"{result.score:.2f}"
        table.add_row(Text("  ✗", "bold red"), score, *_what(result, limit))
    left = row.labels["fail"] - len(row.worst)
    if left:
        table.add_row("", "", Text(f"{left:,} more", "dim"), "")
    if row.first_error:
        count = row.labels["error"]
        *which, why = _what(row.first_error, limit)
        table.add_row(
            Text("  !", "bold yellow"), "", *which, Text.assemble(why, f", {count:,} in all" * (count > 1))
        )
    return table


def _what(result: RecordResult, limit: int | None) -> Iterator[Text]:
    yield Text(_printable(str(result.id)), "cyan")
    explanation = _printable(result.explanation or "")
    if limit and len(explanation) > limit:
        explanation = explanation[: limit - 1] + "…"
    yield Text(explanation)


def _counts(tally: Tally) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False, show_edge=False)
    table.add_column("evaluator", no_wrap=True, overflow="ellipsis")
    is_partial = any(row.labels["partial"] for *_, row in tally.rows())
    for heading in ("pass", *["partial"] * is_partial, "fail", "n/a", "error", "fail %", "mean", "median"):
        table.add_column(heading, justify="right", no_wrap=True)
    for evaluator, target, row in tally.rows():
        evaluated = sum(row.labels.values()) - row.labels["not_applicable"]
        failed = row.labels["fail"] + row.labels["error"]
        table.add_row(
            Text(f"{evaluator}.{target}", "" if evaluated else "dim"),
            _count(row.labels["pass"], "green"),
            *[_count(row.labels["partial"], "yellow")] * is_partial,
            _count(row.labels["fail"], "bold red"),
            _count(row.labels["not_applicable"], "dim"),
            _count(row.labels["error"], "bold yellow"),
            f"{100 * failed / evaluated:.1f}" if evaluated else Text("-", "dim"),
            f"{row.scores.mean:.2f}" if row.scores.count else Text("-", "dim"),
            f"{row.scores.median:.2f}" if row.scores.count else Text("-", "dim"),
        )
    return table


def _count(count: int, style: str) -> Text:
    return Text(f"{count:,}", style if count else "dim")


def _printable(text: str) -> str:
    return _CONTROL.sub(" ", text)
