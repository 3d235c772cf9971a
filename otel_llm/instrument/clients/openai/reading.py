"""Readers of fields that only this client's API has: tiers, choices."""

from __future__ import annotations

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


def set_choice_count(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the number of requested answers, unless it is one."""
    if (count := choice_count_of(body.get("n"))) is not None:
        attributes[names.REQUEST_CHOICE_COUNT] = count


def set_stop_sequences(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the stop sequences."""
    if (texts := stop_sequences_of(body.get("stop"))) is not None:
        attributes[names.REQUEST_STOP_SEQUENCES] = texts
