"""How the client's objects and request bodies are read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.text.well_formed import well_formed

Table = Mapping[str, str]
"""Fields of a request's body, and the attributes that they are."""

OUTPUT_TYPES: Final[Mapping[Any, str]] = MappingProxyType(
    {"text": "text", "json_object": "json", "json_schema": "json"}
)
"""Types of a format that is asked for, and what they are as gen_ai.output.type."""
SAMPLING: Final = {
    "temperature": names.REQUEST_TEMPERATURE,
    "top_p": names.REQUEST_TOP_P,
    "frequency_penalty": names.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": names.REQUEST_PRESENCE_PENALTY,
}


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


def code_of(value: Any) -> str | None:
    """Return an error's code, which some servers tell as a number, or None."""
    return str(value) if type(value) is int else text_of(value) or None


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


def set_service_tier(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the service tier that is asked for, where it is a certain one."""
    if (tier := text_of(body.get("service_tier"))) is not None and tier != "auto":
        attributes[names.OPENAI_REQUEST_SERVICE_TIER] = tier


def set_choice_count(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set how many answers are asked for, where it is not one."""
    if "n" in body and (count := count_of(body["n"])) is not None and count != 1:
        attributes[names.REQUEST_CHOICE_COUNT] = count


def set_stop_sequences(attributes: dict[str, AttributeValue], body: Mapping[str, Any]) -> None:
    """Set the texts at which an answer ends."""
    if stop := body.get("stop"):
        given = stop if isinstance(stop, list | tuple) else [stop]
        if texts := [text for text in map(text_of, given) if text is not None]:
            attributes[names.REQUEST_STOP_SEQUENCES] = texts
