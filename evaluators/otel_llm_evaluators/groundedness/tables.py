"""Tables in Markdown: a row is a claim, its cells with the headings of their columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_RULE: Final = re.compile(r"\|?:?-+:?(?:\|:?-+:?)*\|?")
_CELL: Final = re.compile(r"(?<!\\)\|")
_NO_VALUE: Final = frozenset({"", "-", "–", "—", "n/a", "/"})  # noqa: RUF001 - dashes
_GENERAL: Final = frozenset(
    re.findall(
        r"\S+",
        "property properties value values feature features item items detail details description attribute aspect"
        " field key parameter specification spec specifications information info answer topic name category"
        " characteristic fact point no number #",
    )
)
"""Headings of a column that say nothing of its cells."""


def is_rule(line: str) -> bool:
    """Return whether the line is the rule below a table's headings."""
    bare = "".join(line.split())
    return "-" in bare and "|" in bare and bool(_RULE.fullmatch(bare))


def cells(line: str) -> list[str]:
    """Return the cells of a row; fewer than two if the line is no row."""
    inner = line.strip()
    return [cell.strip() for cell in _CELL.split(inner.removeprefix("|").removesuffix("|"))]


def is_row(line: str, *, in_table: bool) -> bool:
    """Return whether the line is a row; outside a table a row begins and ends with a bar."""
    bare = line.strip()
    return "|" in bare and (in_table or (len(bare) > 2 and bare[0] == bare[-1] == "|"))


def row_claim(row: Sequence[str], headings: Sequence[str]) -> str:
    """Return what a row says: its first cell, then each other cell after its column's heading."""
    said = [
        _with_heading(cell, headings[column] if column < len(headings) else "")
        for column, cell in enumerate(row)
        if column and cell.lower() not in _NO_VALUE
    ]
    return f"{row[0]}: {', '.join(said)}" if row[0] and said else row[0] or ", ".join(said)


def _with_heading(cell: str, heading: str) -> str:
    return cell if not heading or heading.lower() in _GENERAL else f"{heading} {cell}"
