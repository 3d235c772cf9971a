"""Settings of the evaluation: evaluators, their limits, and drift."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DriftSettings(BaseModel):
    """Comparison of streams of texts with a reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """True: watch drift."""
    targets: tuple[Literal["input", "output"], ...] = ("input",)
    """Sides of the calls that are watched, each as one stream per service."""
    window: int = Field(default=100, ge=4)
    """Texts in the sliding window that is compared with the reference."""
    reference_size: int = Field(default=200, ge=8)
    """First texts of a stream that are its reference, if there is no baseline."""
    baseline: Path | None = None
    """File with a reference for every stream, made beforehand; None: the first texts of each stream."""
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=0.5)
    """Share of full windows of unchanged texts that may be above the threshold."""
    max_streams: int = Field(default=200, ge=1)
    """Most streams; a service that comes later is not watched, and one log line says so."""


class EvaluateSettings(BaseModel):
    """Evaluators and their limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    evaluators: tuple[str, ...] | None = None
    """Names of the evaluators; None: all installed ones except those whose manifest says `default = false`."""
    threads: int = Field(default=1, ge=1)
    """Threads that encode texts and run several evaluators at the same time."""
    providers: tuple[str, ...] = Field(default=("CPUExecutionProvider",), min_length=1)
    """ONNX Runtime's execution providers, by preference."""
    cache_bytes: int = Field(default=64 * 2**20, ge=0)
    """Bytes of memory for the encodings of recent texts; 0: none is kept."""
    timeout_s: float = Field(default=10.0, gt=0)
    """Seconds that an evaluator may take for one call; then the call is given up."""
    max_failures: int = Field(default=5, ge=1)
    """Failures in a row after which an evaluator is left out for `cool_down_s`."""
    cool_down_s: float = Field(default=30.0, ge=0)
    """Seconds until an evaluator that was left out is tried again."""
    max_hanging: int = Field(default=1, ge=1)
    """Given-up calls that still run, each in a thread; with so many, the evaluator is left out."""
    drift: DriftSettings = DriftSettings()
    """Drift in the meaning of inputs or outputs."""
