"""How objects of client libraries and bodies of requests are read: what is not of its type counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.util.types import AttributeValue

from otel_llm.text.well_formed import well_formed

Table = Mapping[str, str]
"""Fields of a request's body, and the attributes that they are."""


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


def text_of(value: Any) -> str | None:
    """Return a text that can be sent; None of all else: a server's answers need not be of the API's types."""
    if type(value) is str and value.isascii():
        return value
    return well_formed(value) if isinstance(value, str) else None


def count_of(value: Any) -> int | None:
    """Return a whole number, or None."""
    if value is None or type(value) is int:
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def float_of(value: Any) -> float | None:
    """Return a number of JSON as a double, or None."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def texts_of(fields: Mapping[str, Any], *keys: str) -> list[str | None]:
    """Return `text_of` each field, in one step where all are plain, as at each call."""
    found = []
    for key in keys:
        value = fields.get(key)
        found.append(value if value is None or (type(value) is str and value.isascii()) else text_of(value))
    return found


def counts_of(fields: Mapping[str, Any], *keys: str) -> list[int | None]:
    """Return `count_of` each field, in one step where all are plain, as at each call."""
    found = []
    for key in keys:
        value = fields.get(key)
        found.append(value if value is None or type(value) is int else count_of(value))
    return found


def set_floats(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set those attributes, doubles, whose fields a body has."""
    for key, name in table.items():
        if key in body and (value := number(body[key])) is not None:
            attributes[name] = float(value)


def set_integers(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set those attributes, integers, whose fields a body has."""
    for key, name in table.items():
        if key in body and (value := count_of(body[key])) is not None:
            attributes[name] = value


def set_strings(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set those attributes, strings, whose fields a body has."""
    for key, name in table.items():
        if (value := text_of(body.get(key))) is not None:
            attributes[name] = value


def price_conditions(service_tier: str | None) -> Mapping[str, str] | None:
    """Return what the price of a response depends on: the tier that it names, or that it is of a batch."""
    if service_tier is None:
        return None
    return {"processing": "batch"} if service_tier == "batch" else {"service_tier": service_tier}
