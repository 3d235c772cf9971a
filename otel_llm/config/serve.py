"""Settings of the model server."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ServeSettings(BaseModel):
    """Settings of `otel-llm serve`; the options have the same names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on. The server has no authentication: beyond loopback, put a proxy in front."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes any free port."""
    model: Path | None = None
    """GGUF file to serve; None means the small model, which is fetched."""
    script: Path | None = None
    """TOML file with the rules of the model `scripted`."""
    scripted_only: bool = False
    """True: serve only the model `scripted`, without fetching weights or loading the engine."""
    slots: int = Field(default=4, ge=1, le=64)
    """Requests that the real model answers at the same time."""
    queue: int = Field(default=16, ge=0)
    """Requests that may wait for a slot; further requests are answered with status 429."""
    threads: int | None = Field(default=None, ge=1)
    """Threads of the engine; None means one per core."""
    context_tokens: int = Field(default=2048, ge=64)
    """Tokens of prompt and answer together, per slot."""
    default_max_tokens: int = Field(default=512, ge=1)
    """Tokens of an answer if the request sets no limit: a small model seldom stops by itself."""
    max_body_bytes: int = Field(default=1 << 20, ge=1)
    """Bytes of a request body; a longer body is refused with status 413."""

    @model_validator(mode="after")
    def _one_of_model_and_scripted_only(self) -> ServeSettings:
        if self.scripted_only and self.model is not None:
            raise ValueError("--model has no effect with --scripted-only: give one of them")
        return self


def let_idle_threads_sleep() -> None:
    """Let the engine's threads sleep instead of spin while they wait, unless the user has set OMP_WAIT_POLICY.

    Call this before the engine is loaded: OpenMP reads the variable once. Spinning threads that share their cores
    with other processes wait for a turn of the scheduler at every layer: measured on two cores beside other work,
    four answers of 60 tokens at once took 5 to 69 s spinning (6 runs), and 4 to 9 s asleep (10 runs).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def cpu_count() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
