"""The page `/debug`: parts of the service, and the requests that wait. It shows no content of calls."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Final

State = Mapping[str, "Value"]
"""Sections by title: each is a table of keys and values, or a list of such tables."""
Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]

SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_NOTHING: Final = "-"
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.35rem; margin: 0 0 .2rem; }
h2 { font-size: 1.02rem; margin: 1.6rem 0 .4rem; }
p { margin: 0; opacity: .7; }
div { overflow-x: auto; }
table { border-collapse: collapse; min-width: 22rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .22rem 1.2rem .22rem 0; }
tr { border-bottom: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
th { font-weight: 600; white-space: nowrap; }
td { overflow-wrap: break-word; min-width: 4rem; max-width: 34rem; }
"""


def page(title: str, state: State) -> str:
    """Return the state as one HTML page without other files, for small and large screens, light and dark."""
    sections = "".join(f"<h2>{html.escape(name)}</h2>{_shown(value)}" for name, value in state.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{html.escape(title)}</h1><p>Also as JSON: /debug.json. Metrics: /metrics.</p>{sections}"
        "</body></html>"
    )


def _shown(value: Value) -> str:
    if isinstance(value, Mapping):
        return _table([(name, _cell(each)) for name, each in value.items()]) if value else "<p>none</p>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        rows = [each for each in value if isinstance(each, Mapping)]
        return _rows(rows) if rows else "<p>none</p>"
    return f"<pre>{html.escape(str(value))}</pre>"


def _table(pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{value}</td></tr>" for name, value in pairs)
    return f"<div><table>{rows}</table></div>"


def _rows(rows: Sequence[Mapping[str, Value]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>" for row in rows
    )
    return f"<div><table><tr>{head}</tr>{body}</table></div>"


def _cell(value: Value) -> str:
    return html.escape(_text(value)) or _NOTHING


def _text(value: Value) -> str:
    match value:
        case None:
            text = _NOTHING
        case bool():
            text = "yes" if value else "no"
        case int():
            text = f"{value:,}"
        case float():
            text = f"{value:,.3g}"
        case str():
            text = value
        case Mapping():
            text = ", ".join(f"{name} {_text(each)}" for name, each in value.items())
        case _:
            text = ", ".join(map(_text, value))
    return text
