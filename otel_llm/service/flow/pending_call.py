"""One call to evaluate, and whom its evaluation concerns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otel_llm.evaluate.definition.result import Result
from otel_llm.genai.call import Call


@dataclass(slots=True, eq=False)
class Task:
    """A call on its way to the evaluators. It holds a share of its record until its results are delivered."""

    call: Call
    selected: frozenset[str]
    """The evaluators that are to see it."""
    sequence: int
    """Of the record that it came with."""
    tenant: str
    size: int
    """Bytes of its span."""
    has_content: bool
    """Whether its span says what was said, or nothing more is to come; else log records may bring it."""
    evaluated: Callable[[Sequence[Result]], None] | None = None
    """Inline: told of the results."""
