"""Settings of the evaluation itself: which evaluators run, on what, within which limits, and drift."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DriftSettings(BaseModel):
    """How streams of texts are compared with a reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """Whether drift is watched."""
    targets: tuple[Literal["input", "output"], ...] = ("input",)
    """The sides of the calls that are watched, each as a stream of its own per service."""
    window: int = Field(default=100, ge=4)
    """Texts in the sliding window that is compared with the reference."""
    reference_size: int = Field(default=200, ge=8)
    """Without a baseline: how many of a stream's first texts are its reference."""
    baseline: Path | None = None
    """A reference made beforehand, for every stream; None: each stream's own first texts."""
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=0.5)
    """How often a full window of unchanged texts may be above the threshold."""
    max_streams: int = Field(default=200, ge=1)
    """Streams watched at most: a service that comes later is not watched, and one log line says so."""


class EvaluateSettings(BaseModel):
    """What is evaluated, on what, and within which limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    evaluators: tuple[str, ...] | None = None
    """Names of the evaluators that run; None: all installed but those whose manifest says `default = false`."""
    threads: int = Field(default=1, ge=1)
    """Threads that encode texts, and that run several evaluators at once."""
    providers: tuple[str, ...] = Field(default=("CPUExecutionProvider",), min_length=1)
    """ONNX Runtime's execution providers, by preference."""
    cache_bytes: int = Field(default=64 * 2**20, ge=0)
    """Memory for the encodings of recent texts; 0: none is kept."""
    timeout_s: float = Field(default=10.0, gt=0)
    """What an evaluator may take for one call before it is given up."""
    max_failures: int = Field(default=5, ge=1)
    """After so many failures in a row an evaluator is left out for `cool_down_s`."""
    cool_down_s: float = Field(default=30.0, ge=0)
    """How long it is left out before it is tried again."""
    max_hanging: int = Field(default=1, ge=1)
    """Calls that were given up and still go on, each in a thread: with so many the evaluator is left out."""
    drift: DriftSettings = DriftSettings()
    """Drift of the inputs' or outputs' meaning."""
