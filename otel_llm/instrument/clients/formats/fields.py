"""Readers of clients' objects and of requests' bodies. A value of a wrong type counts as absent."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from opentelemetry.util.types import AttributeValue

from otel_llm.text.well_formed import well_formed

_INDEX_DIGITS = 9  # the length of a longer text is no index's
_COUNT_LIMIT = 2**63  # OTLP's integers

Table = Mapping[str, str]
"""Attribute names by field of a request's body."""


def fields_of(value: Any) -> Mapping[str, Any]:
    """Return all fields of a client's object or a dict, also fields that a class does not declare; else no fields.

    `getattr` takes 20 µs for a missing field of a pydantic object.
    """
    if value is None:
        return {}
    if type(value) is dict:
        return value
    held: Mapping[str, Any] = getattr(value, "__dict__", {})
    extra = getattr(value, "__pydantic_extra__", None)
    return {**held, **extra} if extra else held


def number(value: Any) -> float | None:
    """Return a JSON number; None for any other value."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of(value: Any) -> str | None:
    """Return a text that can be exported; None for other values, as a server may send values of any type."""
    if type(value) is str and value.isascii():
        return value
    return well_formed(value) if isinstance(value, str) else None


def listed(value: Any) -> list[Any] | tuple[Any, ...]:
    """Return a list; an empty one for any other value, such as an iterator, which only the client may read."""
    return value if isinstance(value, list | tuple) else ()


def integer_of(value: Any) -> int | None:
    """Return a whole number; None for any other value."""
    if value is None or type(value) is int:
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def index_of(value: Any) -> int | None:
    """Return an index, which some servers send as a text; None without an index."""
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < _INDEX_DIGITS else None


def count_of(value: Any) -> int | None:
    """Return a count; None for any other value, such as a negative number."""
    return count if (count := integer_of(value)) is not None and 0 <= count < _COUNT_LIMIT else None


def float_of(value: Any) -> float | None:
    """Return a JSON number as a double; None for any other value, and for an integer that no double holds."""
    return None if (found := number(value)) is None or abs(found) > sys.float_info.max else float(found)


def texts_of(fields: Mapping[str, Any], *keys: str) -> list[str | None]:
    """Return `text_of` each field; in one step if all values are plain texts, which is the usual case."""
    found = []
    for key in keys:
        value = fields.get(key)
        found.append(value if value is None or (type(value) is str and value.isascii()) else text_of(value))
    return found


def counts_of(fields: Mapping[str, Any], *keys: str) -> list[int | None]:
    """Return `count_of` each field; in one step if all values are plain counts, which is the usual case."""
    found = []
    for key in keys:
        value = fields.get(key)
        found.append(
            value if value is None or (type(value) is int and 0 <= value < _COUNT_LIMIT) else count_of(value)
        )
    return found


def set_floats(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set the attributes of the fields in a body, as doubles."""
    for key, name in table.items():
        if key in body and (value := float_of(body[key])) is not None:
            attributes[name] = value


def set_integers(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set the attributes of the fields in a body, as integers."""
    for key, name in table.items():
        if key in body and (value := integer_of(body[key])) is not None:
            attributes[name] = value


def set_strings(attributes: dict[str, AttributeValue], body: Mapping[str, Any], table: Table) -> None:
    """Set the attributes of the fields in a body, as strings."""
    for key, name in table.items():
        if (value := text_of(body.get(key))) is not None:
            attributes[name] = value


def price_conditions(service_tier: str | None) -> Mapping[str, str] | None:
    """Return the conditions of a response's price: its service tier, or that it belongs to a batch."""
    if service_tier is None:
        return None
    return {"processing": "batch"} if service_tier == "batch" else {"service_tier": service_tier}
