"""A small column chart for a terminal, drawn with eighths of a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

_EIGHTHS: Final = "▁▂▃▄▅▆▇█"
_LOW, _HIGH, _LINE = "cyan", "bold red", "yellow"
_WIDEST = 3  # characters per column while there are few values


def column_chart(values: Sequence[float | None], threshold: float, *, width: int, height: int) -> list[Text]:
    """Return `height` lines with one column per value, for the newest values that fit; None leaves a gap.

    Columns above the threshold are red; the threshold is a dotted line where no column covers it.
    """
    column = max(1, min(_WIDEST, width // max(1, len(values))))
    shown = list(values)[-(width // column) :]
    top = 1.1 * max(threshold, *(value for value in shown if value is not None), 1e-9)
    lines = []
    for row in reversed(range(height)):
        empty = ("╌" if row == int(threshold / top * height) else " ", _LINE)
        text = Text(no_wrap=True)
        for value in shown:
            eighths = 0 if value is None else round((value / top * height - row) * 8)
            if value is None or eighths < 1:
                text.append(empty[0] * column, empty[1])
            else:
                text.append(_EIGHTHS[min(eighths, 8) - 1] * column, _HIGH if value > threshold else _LOW)
        text.append(empty[0] * (width - column * len(shown)), empty[1])
        lines.append(text)
    return lines
