"""Settings of the queue and of dead letters: everything that the service keeps on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class QueueSettings(BaseModel):
    """The queue, in which acknowledged requests wait until they are evaluated and sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None
    """Folder of this service alone, in which requests outlive a crash; None: requests wait in memory."""
    max_bytes: int = Field(default=256 << 20, ge=1 << 20)
    """Bytes that may wait, on disk or in memory; beyond, requests are refused retryably."""
    fsync: Literal["always", "group", "never"] = "group"
    """Flushes to disk, which let requests outlive a power failure: one for each request, one for a group, or
    none."""
    max_batch: int = Field(default=32, ge=1)
    """Most calls that are evaluated together."""
    max_delay_s: float = Field(default=0.05, ge=0, le=60)
    """Seconds that a call may wait for its batch to fill up."""
    max_batch_bytes: int = Field(default=16 << 20, ge=1)
    """Bytes of the spans of calls that wait for the evaluators, outside of the queue."""


class DeadLetterSettings(BaseModel):
    """Requests that can never be read or delivered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = None
    """File that keeps them, to be read and sent again; None: only the log names them."""
    max_bytes: int = Field(default=256 << 20, ge=4096)
    """Bytes of this file and the older one together; beyond, the oldest are dropped."""
