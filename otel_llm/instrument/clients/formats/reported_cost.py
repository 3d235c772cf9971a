"""The cost that a provider reports with the tokens of an answer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of, number

_TICKS_PER_USD: Final = 10_000_000_000


def reported_cost(usage: Mapping[str, Any]) -> float | None:
    """Return the cost in USD that a provider reports with the tokens; None without a report.

    0 is a cost, that of a free model.

    Sources: OpenRouter (https://openrouter.ai/docs/use-cases/usage-accounting), whose `cost` is its own fee alone
    where the app has brought its own key; LiteLLM's proxy, `cost` too; Perplexity
    (https://docs.perplexity.ai), `cost` with its parts and `total_cost`; DeepInfra, `estimated_cost`; xAI
    (https://docs.x.ai, cost tracking), 10,000,000,000 ticks a USD.
    """
    if "cost" in usage:
        cost = _usd(fields_of(usage["cost"]).get("total_cost", usage["cost"]))
        if cost is None or usage.get("is_byok") is not True:
            return cost
        upstream = _usd(fields_of(usage.get("cost_details")).get("upstream_inference_cost"))
        return None if upstream is None else cost + upstream
    if "estimated_cost" in usage:
        return _usd(usage["estimated_cost"])
    if "cost_in_usd_ticks" in usage:
        ticks = _usd(usage["cost_in_usd_ticks"])
        return None if ticks is None else ticks / _TICKS_PER_USD
    return None


def _usd(value: Any) -> float | None:
    """Return an amount of money; None for a value that cannot be an amount."""
    amount = number(value)
    return None if amount is None or not 0 <= amount <= sys.float_info.max else float(amount)
