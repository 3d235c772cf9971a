"""Settings of the way of a request through the service: joins within its trace, and changes when it is passed
on."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class JoinSettings(BaseModel):
    """Joins between the spans and log records of a trace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wait_s: float = Field(default=5.0, ge=0, le=300)
    """Seconds that a call without content waits for log records with its content."""
    keep_s: float = Field(default=60.0, gt=0)
    """Seconds that documents and content of a trace are kept after the last of them came."""
    max_bytes: int = Field(default=64 << 20, ge=1)
    """Bytes of documents and content of all traces; beyond, the oldest are dropped."""


class InlineSettings(BaseModel):
    """Changes to requests that are passed on, if `forward.endpoint` is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enrich: bool = True
    """True: write labels and scores on the evaluated spans."""
    content: Literal["keep", "mask", "strip"] = "keep"
    """Content that is passed on: all, all but personal data and secrets, or none."""
    content_attributes: tuple[str, ...] = ()
    """Further attributes that are content, as patterns for names such as my_app.prompt.*."""
    max_wait_s: float = Field(default=2.0, ge=0, le=60)
    """Seconds that a request waits for its results; then it is passed on without them."""
