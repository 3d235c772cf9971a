"""A table of calls, one row each, with coloured results."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from otel_llm.demo.state import GROUNDEDNESS, TOXICITY, CallResult, EvaluatedCall

_WITH_ANSWERS = 116  # characters of width from which answers have room
_WITH_COSTS = 96
_WITH_TIMES = 72


def calls_table(calls: Sequence[EvaluatedCall], width: int) -> Table:
    """Return a table of the calls, the oldest first, with the columns that fit into `width`."""
    with_answers, with_costs, with_times = width >= _WITH_ANSWERS, width >= _WITH_COSTS, width >= _WITH_TIMES
    table = Table(
        box=box.SIMPLE_HEAD,
        expand=True,
        padding=(0, 1, 0, 0),
        header_style="bold",
        pad_edge=False,
        show_edge=False,
    )
    if with_times:
        table.add_column("time", style="dim", no_wrap=True)
    table.add_column("model", no_wrap=True, max_width=21 if with_costs else 12)
    table.add_column("question", no_wrap=True, overflow="ellipsis", ratio=4)
    if with_answers:
        table.add_column("answer", no_wrap=True, overflow="ellipsis", ratio=5)
    if with_costs:
        table.add_column("tokens", justify="right", no_wrap=True)
        table.add_column("cost µ$", justify="right", no_wrap=True)
    table.add_column("latency", justify="right", no_wrap=True)
    if with_costs:
        table.add_column("first", justify="right", no_wrap=True)
    table.add_column("toxic in", justify="right", no_wrap=True)
    table.add_column("out", justify="right", no_wrap=True)
    table.add_column("grounded", justify="right", no_wrap=True)
    for call in calls:
        row: list[str | Text] = [clock(call.start_s)] if with_times else []
        row += [model_name(call.model), _question(call, with_error=not with_answers)]
        if with_answers:
            row.append(_answer(call))
        if with_costs:
            row += [tokens(call), "-" if call.cost_usd is None else f"{call.cost_usd * 1e6:.1f}"]
        row.append(seconds(call.duration_s))
        if with_costs:
            row.append(seconds(call.time_to_first_chunk_s))
        row += [
            result_text(call.results.get((TOXICITY, "input"))),
            result_text(call.results.get((TOXICITY, "output"))),
            result_text(call.results.get((GROUNDEDNESS, "output"))),
        ]
        table.add_row(*row)
    return table


def result_text(result: CallResult | None) -> Text:
    """Return the score of a result, with a mark that needs no colours: ✓, ~, ✗, - or !."""
    if result is None or result.label == "not_applicable":
        return Text("-", "dim")
    if result.label == "error":
        return Text("! error", "bold yellow")
    score = "" if result.score is None else f" {result.score:.2f}"
    if result.label == "fail":
        return Text(f"✗{score}", "bold white on red")
    return Text(f"✓{score}" if result.label == "pass" else f"~{score}", "green")


def model_name(model: str) -> Text:
    """Return the name of a model; `scripted`, which is no model, is dimmed."""
    return Text(model, "dim" if model == "scripted" else "bold cyan")


def tokens(call: EvaluatedCall) -> str:
    """Return "in→out", with - for an unknown count."""
    return "→".join("-" if count is None else str(count) for count in (call.input_tokens, call.output_tokens))


def seconds(value: float | None) -> str:
    """Return a duration with two decimals."""
    return "-" if value is None else f"{value:.2f} s"


def clock(unix_s: float) -> str:
    """Return the local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(unix_s))


def _question(call: EvaluatedCall, *, with_error: bool) -> Text:
    text = Text(" ".join(call.question.split()))
    if with_error and call.error_type:
        return Text.assemble((f"✗ {call.error_type} ", "bold red"), text)
    return text


def _answer(call: EvaluatedCall) -> Text:
    answer = Text(" ".join(call.answer.split()), "dim" if call.model == "scripted" else "")
    if call.error_type:
        return Text.assemble((f"✗ {call.error_type} ", "bold red"), answer)
    return answer
