"""A call on its way to the evaluators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otel_llm.evaluate.definition.result import Result
from otel_llm.genai.call import Call


@dataclass(slots=True, eq=False)
class PendingCall:
    """A call to evaluate. It holds a reference to its record until its results are delivered."""

    call: Call
    selected: frozenset[str]
    """Names of the evaluators that see the call."""
    sequence: int
    """Sequence number of the call's record."""
    tenant: str
    """Name of the tenant; "" where tenants are not told apart."""
    span_index: int
    """Number of the call's span among the spans of its request."""
    size: int
    """Bytes of the span."""
    is_complete: bool
    """True if the span carries the messages, or the call failed. False: log records may still bring them."""
    on_results: Callable[[Sequence[Result]], None] | None = None
    """Called with the results; None in tap mode."""
