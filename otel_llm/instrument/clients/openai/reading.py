"""How the client's objects and request bodies are read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names

Table = Mapping[str, str]
"""Fields of a request's body, and the attributes that they are."""

OUTPUT_TYPES: Final[Mapping[Any, str]] = MappingProxyType(
    {"text": "text", "json_object": "json", "json_schema": "json"}
)
"""Types of a format that is asked for, and what they are as gen_ai.output.type."""


def fields_of(value: Any) -> Mapping[str, Any]:
    """Return an object's fields, those beyond its class's included; none of what is no object of the client.

    To ask an object of pydantic for a field that it has not takes 20 µs by `getattr`.
    """
    if value is None:
        return {}
    held: Mapping[str, Any] = getattr(value, "__dict__", {})
    extra = getattr(value, "__pydantic_extra__", None)
    return {**held, **extra} if extra else held


def number(value: Any) -> float | None:
    """Return a number of JSON, or None."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def set_floats(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set those attributes, doubles, whose fields a body has."""
    for key, name in table.items():
        if key in body and (value := number(body[key])) is not None:
            attributes[name] = float(value)


def set_integers(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set those attributes, integers, whose fields a body has."""
    for key, name in table.items():
        if key in body and (value := number(body[key])) is not None:
            attributes[name] = int(value)


def set_strings(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set those attributes, strings, whose fields a body has."""
    for key, name in table.items():
        if isinstance(value := body.get(key), str):
            attributes[name] = value


def set_service_tier(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the service tier that is asked for, where it is a certain one."""
    if isinstance(tier := body.get("service_tier"), str) and tier != "auto":
        attributes[names.OPENAI_REQUEST_SERVICE_TIER] = tier


def set_choice_count(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set how many answers are asked for, where it is not one."""
    if "n" in body and (count := number(body["n"])) is not None and count != 1:
        attributes[names.REQUEST_CHOICE_COUNT] = int(count)


def set_stop_sequences(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the texts at which an answer ends."""
    if stop := body.get("stop"):
        attributes[names.REQUEST_STOP_SEQUENCES] = (
            [stop] if isinstance(stop, str) else [str(text) for text in stop]
        )
