"""The summary that the demo prints at its end."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_llm.demo.plan import OwnProgram
from otel_llm.demo.promises import Promise
from otel_llm.demo.screens.calls_table import calls_table
from otel_llm.demo.snapshot import Snapshot
from otel_llm.demo.state import GROUNDEDNESS, TOXICITY, EvaluatedCall

_EXAMPLES = 3


def print_summary(
    console: Console, snapshot: Snapshot, promises: Sequence[Promise], programs: Sequence[OwnProgram]
) -> None:
    """Print calls worth a look, the promises, and the commands that run the parts by hand."""
    if chosen := _worth_a_look(snapshot.state.calls):
        console.print(Text("\nCalls worth a look", "bold"))
        console.print(calls_table(chosen, console.width))
    console.print(Text("\nSummary", "bold"))
    console.print(_promises_table(promises))
    console.print(Text("\nWhat ran", "bold"))
    for program in programs:
        console.print(Text(f"  {program.shell}", "cyan"), soft_wrap=True)
    console.print(Text("\nWhere to look next", "bold"))
    for target, what in (
        ("docs/demo.md", "what each column means, and how to run the parts by hand"),
        ("examples/rag", "the application; it does not know about otel-llm"),
        ("otel-llm run -- python app.py", "the same for an application of yours"),
    ):
        console.print(Text.assemble("  ", (target, "cyan"), f"  {what}"), soft_wrap=True)


def _promises_table(promises: Sequence[Promise]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for promise in promises:
        mark = Text("✓", "green") if promise.kept else Text("✗", "bold red")
        table.add_row(mark, promise.title, promise.seen)
    return table


def _worth_a_look(calls: Sequence[EvaluatedCall]) -> list[EvaluatedCall]:
    """Return the first few calls of each kind: with the label fail, or with an error."""
    kinds = (
        [call for call in calls if call.fails(TOXICITY)],
        [call for call in calls if call.fails(GROUNDEDNESS) and not call.fails(TOXICITY)],
        [call for call in calls if call.error_type],
    )
    chosen = [call for kind in kinds for call in kind[:_EXAMPLES]]
    return sorted(chosen, key=lambda call: call.start_s)
