"""Readers of fields that only this client's API has: tiers, costs, choices."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.fields import count_of, text_of

OUTPUT_TYPES: Final[Mapping[Any, str]] = MappingProxyType(
    {"text": "text", "json_object": "json", "json_schema": "json"}
)
"""Values of gen_ai.output.type by type of the requested format."""
SAMPLING: Final = {
    "temperature": names.REQUEST_TEMPERATURE,
    "top_p": names.REQUEST_TOP_P,
    "frequency_penalty": names.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": names.REQUEST_PRESENCE_PENALTY,
}
_TICKS_PER_USD: Final = 10_000_000_000


def code_of(value: Any) -> str | None:
    """Return an error's code, which some servers send as a number; None without a code."""
    return str(value) if type(value) is int else text_of(value) or None


def choice_count_of(value: Any) -> int | None:
    """Return the number of requested answers; None if it is one."""
    return None if (count := count_of(value)) == 1 else count


def service_tier_of(value: Any) -> str | None:
    """Return the requested service tier; None if the request leaves the choice to the provider."""
    return None if (tier := text_of(value)) == "auto" else tier


def stop_sequences_of(value: Any) -> list[str] | None:
    """Return the stop sequences; None without any."""
    if not value:
        return None
    given = value if isinstance(value, list | tuple) else [value]
    return [text for text in map(text_of, given) if text is not None] or None


def set_service_tier(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the requested service tier, unless the request leaves the choice to the provider."""
    if (tier := service_tier_of(body.get("service_tier"))) is not None:
        attributes[names.OPENAI_REQUEST_SERVICE_TIER] = tier


def reported_cost(usage: Mapping[str, Any]) -> float | None:
    """Return the cost in USD that a compatible provider reports with the tokens; None without a report.

    Sources: OpenRouter (https://openrouter.ai/docs/use-cases/usage-accounting), whose `cost` is its own fee alone
    where the app has brought its own key; LiteLLM's proxy, `cost` too; DeepInfra, `estimated_cost`; xAI
    (https://docs.x.ai, cost tracking), 10,000,000,000 ticks a USD.
    """
    if "cost" in usage:
        cost = _usd(usage["cost"])
        if cost is None or usage.get("is_byok") is not True:
            return cost
        details = usage.get("cost_details")
        upstream = _usd(details.get("upstream_inference_cost") if isinstance(details, Mapping) else None)
        return None if upstream is None else cost + upstream
    if "estimated_cost" in usage:
        return _usd(usage["estimated_cost"])
    if "cost_in_usd_ticks" in usage:
        ticks = _usd(usage["cost_in_usd_ticks"])
        return None if ticks is None else ticks / _TICKS_PER_USD
    return None


def _usd(value: Any) -> float | None:
    """Return an amount of money; None for a value that cannot be an amount."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        return None
    return float(value)


def set_choice_count(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the number of requested answers, unless it is one."""
    if (count := choice_count_of(body.get("n"))) is not None:
        attributes[names.REQUEST_CHOICE_COUNT] = count


def set_stop_sequences(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the stop sequences."""
    if (texts := stop_sequences_of(body.get("stop"))) is not None:
        attributes[names.REQUEST_STOP_SEQUENCES] = texts
