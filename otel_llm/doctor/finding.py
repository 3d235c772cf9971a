"""One thing that the doctor found."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "note", "wrong"]
"""`ok`: as it should be. `note`: may be right, and one should know. `wrong`: telemetry or results are lost."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    level: Level
    text: str
    remedy: str = ""
    """What to do; empty where nothing is to be done."""


def ok(text: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding("ok", text)


def note(text: str, remedy: str = "") -> Finding:
    """Return a finding of something that one should know."""
    return Finding("note", text, remedy)


def wrong(text: str, remedy: str) -> Finding:
    """Return a finding of something that loses telemetry or results."""
    return Finding("wrong", text, remedy)


def counted(count: float, singular: str) -> str:
    """Return a count with its noun, such as `1 span` or `2,000 spans`."""
    return f"{count:,.0f} {singular}{'' if count == 1 else 's'}"
