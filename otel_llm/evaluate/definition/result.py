"""What evaluation gives back: one result per call, evaluator and target; one drift state per stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otel_llm.genai.call import Call

Target = Literal["input", "output"]
Label = Literal["pass", "fail", "not_applicable", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One evaluator's verdict on one side of one call."""

    call: Call
    evaluator: str
    version: str
    target: Target
    label: Label
    score: float | None = None
    """The probability of what the evaluator is named for, in [0, 1]; None with not_applicable and error."""
    explanation: str | None = None
    error_type: str | None = None
    """The class of the exception, with the label error."""

    @property
    def id(self) -> str:
        """The same for the same span, evaluator, version and target, however often it is evaluated."""
        return f"{self.call.trace_id}-{self.call.span_id}-{self.evaluator}-{self.version}-{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """Where one service's stream of inputs or outputs stands against its reference."""

    service: str
    detector: str
    target: Target
    baseline: str
    """The reference's name: of a baseline file, or "first-N" for the stream's own first N texts."""
    count: int
    """Texts in the current window."""
    window: int
    """Texts that a full window holds."""
    statistic: float | None
    """None until the reference is complete and the window is full."""
    threshold: float | None
    """None until the reference is complete."""

    @property
    def alarm(self) -> bool:
        """Whether the statistic is above its threshold."""
        return self.statistic is not None and self.threshold is not None and self.statistic > self.threshold
