"""Cells of tables in Markdown and in the output of databases, with the heading of their column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_RULE: Final = re.compile(
    r"^[ \t>]{0,20}[|+]?(?:[ \t]{0,20}:?-+:?[ \t]{0,20}[|+]){1,200}[ \t]{0,20}(?::?-+:?)?[ \t]*$", re.M
)
_CELL: Final = re.compile(r"[^|\n]*")
_MARKUP: Final = " \t*_`~>"


def table_columns(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each cell below a heading: the heading, start and end of the cell, without white space around it."""
    if "|" not in text or "--" not in text:
        return
    end = 0  # of the table before
    for rule in _RULE.finditer(text):
        above = text.rfind("\n", 0, max(0, rule.start() - 1)) + 1
        if rule.start() < 1 or above < end or "|" not in text[above : rule.start()]:
            continue
        headings = [text[start:stop].strip(_MARKUP) for start, stop in _cells(text, above, rule.start() - 1)]
        end = rule.end()
        while end < len(text):
            line, stop = end + 1, text.find("\n", end + 1)
            stop = len(text) if stop < 0 else stop
            if "|" not in text[line:stop]:
                break
            for heading, (first, last) in zip(headings, _cells(text, line, stop), strict=False):
                yield heading, first, last
            end = stop


def _cells(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each cell in a line, which may begin and end with a bar."""
    line = text[start:end]
    start += len(line) - len(line.lstrip(" \t>"))
    start += text[start : start + 1] == "|"
    while start < end:
        stop = text.find("|", start, end)
        stop = end if stop < 0 else stop
        cell = text[start:stop]
        first = start + len(cell) - len(cell.lstrip())
        yield first, first + len(cell.strip())
        start = stop + 1
