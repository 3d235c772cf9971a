"""The page that lists the processes, with a link to the page of each."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from otel_llm.service.processes.child_process import ChildProcess

_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>otel-llm collector: processes</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.35rem; margin: 0 0 .6rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; min-width: 22rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .22rem 1.2rem .22rem 0; white-space: nowrap; }
tr { border-bottom: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.not-ready { color: light-dark(#b00020, #ff8a80); font-weight: 600; }
</style></head><body>
"""
_COLUMNS: Final = ("process", "state", "pid", "started again", "ended last with")


def index_page(processes: Iterable[ChildProcess]) -> str:
    """Return the HTML page: one row for each process."""
    head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    rows = "\n".join(map(_row, processes))
    table = f"<div><table><tr>{head}</tr>\n{rows}\n</table></div>"
    also = '<p>As JSON, with what each says of itself: <a href="debug.json">debug.json</a></p>'
    return f"{_HEAD}<h1>otel-llm collector: processes</h1>\n{table}\n{also}\n</body></html>\n"


def _row(process: ChildProcess) -> str:
    link = f'<a href="debug?process={process.index}">{process.index}</a>'
    state = escape(process.state)
    cells = (
        link if process.telemetry else str(process.index),
        state if process.ready.is_set() else f'<span class="not-ready">{state}</span>',
        str(process.pid or ""),
        str(process.restarts),
        escape(process.last_exit or ""),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
