"""The results of evaluation: one per call, evaluator and target; one drift state per stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otel_llm.genai.call import Call

Target = Literal["input", "output"]
Label = Literal["pass", "partial", "fail", "not_applicable", "error"]
"""`partial`: nothing failed in the part of the text that was read, and the text has more than that part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The part of a text that an evaluator read."""

    part: int
    """Number of units that were read."""
    whole: int
    """Number of units of the text."""
    unit: str
    """Noun in the plural: sentences, windows, characters."""

    @property
    def is_whole(self) -> bool:
        """True if all of the text was read."""
        return self.part >= self.whole

    def __str__(self) -> str:
        return f"{self.part:,} of {self.whole:,} {self.unit} read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One evaluator's result on one side of one call."""

    call: Call
    evaluator: str
    version: str
    target: Target
    label: Label
    score: float | None = None
    """Probability of what the evaluator is named for, in [0, 1]; None with not_applicable and error."""
    explanation: str | None = None
    read: Read | None = None
    """Part of the text that was read; None means all of the text."""
    error_type: str | None = None
    """Class of the exception; None without the label error."""

    @property
    def id(self) -> str:
        """Id of the result: the same each time that the same version evaluates the same span and target."""
        return f"{self.call.trace_id}-{self.call.span_id}-{self.evaluator}-{self.version}-{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """The distance of one service's stream of inputs or outputs from its reference."""

    service: str
    detector: str
    target: Target
    baseline: str
    """Name of the reference: of a baseline file, or "first-N" for the stream's own first N texts."""
    count: int
    """Number of texts in the current window."""
    window: int
    """Number of texts in a full window."""
    statistic: float | None
    """Distance of the window from the reference; None until the reference is complete and the window is full."""
    threshold: float | None
    """Statistic above which the stream has drifted; None until the reference is complete."""

    @property
    def alarm(self) -> bool:
        """True if the statistic is above its threshold."""
        return self.statistic is not None and self.threshold is not None and self.statistic > self.threshold
