"""Settings of what is evaluated of which calls, and of which services' client metrics are derived from spans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

DEFAULT: Final = "default"
"""The key of a sampling map that stands for every evaluator without a key of its own."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Globs = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)]
"""Patterns as of file names, with `*`, `?` and `[...]`; case counts. One may be written without a list."""

Ratio = Annotated[float, Field(ge=0, le=1)]
"""The share of traces that is taken."""


class SelectionRule(BaseModel):
    """What is evaluated of calls that match every pattern given; of a list, one pattern has to match."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: Globs = ("*",)
    """`service.name`."""
    operation: Globs = ("*",)
    """The operation, such as chat."""
    model: Globs = ("*",)
    """The requested model."""
    provider: Globs = ("*",)
    """The provider, such as openai."""
    evaluators: tuple[str, ...] | None = None
    """Those that see these calls, of those that run, and "drift" for drift; None: all; an empty list: none."""
    sampling: Mapping[str, Ratio] = {}
    """Ratios for these calls, which come before those outside of the rules: first by name, then `default`."""


class SelectionSettings(BaseModel):
    """Which evaluators see which calls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampling: Mapping[str, Ratio] = {}
    """The share of traces that each evaluator, or "drift", sees; `default`, 1 if not set, for all others."""
    always_on_errors: bool = True
    """Calls that failed are evaluated whatever the ratios are."""
    rules: tuple[SelectionRule, ...] = ()
    """The first rule that matches a call holds for it; a call that none matches is for all evaluators."""


class DeriveMetricsSettings(BaseModel):
    """Client metrics made from spans, for services that emit no metrics of their own: else they count twice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    """Whether they are made."""
    services: Globs = ("*",)
    """Of services whose name matches one of these patterns."""
    exclude: Globs = ()
    """And none of these: the services that emit them themselves."""
