"""Settings that select the evaluators for each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

DEFAULT: Final = "default"
"""Key of a sampling map for every evaluator without its own key."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Globs = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)]
"""Patterns as for file names, with `*`, `?` and `[...]`; case counts. A single pattern needs no list."""

Ratio = Annotated[float, Field(ge=0, le=1)]
"""Share of traces, from 0 to 1."""


class SelectionRule(BaseModel):
    """Evaluators and sampling for calls that match every key given; of a list, one pattern has to match."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: Globs = ("*",)
    """`service.name`."""
    operation: Globs = ("*",)
    """Operation, such as chat."""
    model: Globs = ("*",)
    """Requested model."""
    provider: Globs = ("*",)
    """Provider, such as openai."""
    evaluators: tuple[str, ...] | None = None
    """Names of the evaluators for these calls, "drift" for drift; None: all that run; an empty list: none."""
    sampling: Mapping[str, Ratio] = {}
    """Ratios for these calls, before those outside the rules: first by name, then `default`."""


class SelectionSettings(BaseModel):
    """Selection of the evaluators for each call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampling: Mapping[str, Ratio] = {}
    """Share of traces for each evaluator, or "drift"; `default`, 1 if not set, for all others."""
    always_on_errors: bool = True
    """True: evaluate calls that failed whatever the ratios are."""
    rules: tuple[SelectionRule, ...] = ()
    """Rules, of which the first that matches a call holds; a call that matches no rule is for all evaluators."""
