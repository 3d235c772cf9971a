"""A call's fields as the attributes of its span. A field without a value gives no attribute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.config.instrument_values import ConventionNames
from otel_llm.instrument.contract.data import Request, Response
from otel_llm.text.well_formed import well_formed

# what a value may be, so that no exporter fails, or drops the whole batch of spans: OTLP's integers have 64 bits
_INTEGERS: Final = range(-(2**63), 2**63)
_TEXT_LIMIT: Final = 1 << 16  # characters; a gRPC receiver takes 4 MB for a whole batch
_ITEM_TEXT_LIMIT: Final = 1 << 12
_ITEMS_LIMIT: Final = 1_000


def shared_attributes(request: Request) -> dict[str, AttributeValue]:
    """Return the attributes that samplers see at the start. They are also the labels of the metrics."""
    attributes: dict[str, AttributeValue] = {
        names.OPERATION: request.endpoint.operation,
        names.PROVIDER: request.provider,
    }
    if request.model:
        attributes[names.REQUEST_MODEL] = request.model
    if request.address:
        attributes[names.SERVER_ADDRESS] = request.address
    if request.port:
        attributes[names.SERVER_PORT] = request.port
    return encodable(attributes)


def encodable(attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Return attributes that every exporter can encode: long texts are cut, other values are left out."""
    if all(map(_is_plain, attributes.values())):
        return attributes
    return {
        name: kept for name, value in attributes.items() if (kept := _encodable(value, _TEXT_LIMIT)) is not None
    }


def _is_plain(value: Any) -> bool:
    """Return True for the usual values, which need no look at their items."""
    kind = type(value)
    if kind is str:
        return len(value) <= _TEXT_LIMIT and value.isascii()
    if kind is list:
        return (
            len(value) == 1 and type(value[0]) is str and len(value[0]) <= _ITEM_TEXT_LIMIT and value[0].isascii()
        )
    return (kind is int and value in _INTEGERS) or kind is bool or (kind is float and math.isfinite(value))


def _encodable(value: Any, limit: int) -> Any:
    """Return a value as it can be encoded; None for a value that cannot."""
    if isinstance(value, str):
        return well_formed(value[:limit])
    if isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, int):
        return value if value in _INTEGERS else None
    if isinstance(value, list | tuple):
        given = value[:_ITEMS_LIMIT]
        items = [_encodable(item, _ITEM_TEXT_LIMIT) for item in given if not isinstance(item, list | tuple)]
        kind = next((type(item) for item in items if item is not None), None)
        return [item for item in items if type(item) is kind]  # the SDK takes no mixed lists
    return None


def renamed(chosen: ConventionNames) -> Mapping[str, tuple[str, ...]]:
    """Return the names under which to set the attributes that have two names, by the newer name."""
    first, end = {"deployed": (0, 1), "newest": (1, 2), "both": (0, 2)}[chosen.value]
    return {newest: (deployed, newest)[first:end] for newest, deployed in names.DEPLOYED_ATTRIBUTES.items()}


def set_outcome(
    attributes: dict[str, AttributeValue],
    response: Response,
    first_chunk_s: float | None,
    error_type: str | None,
    names_of: Mapping[str, tuple[str, ...]],
) -> None:
    """Set the attributes that are known when a call has ended; `names_of` is the result of `renamed`."""
    if response.id:
        attributes[names.RESPONSE_ID] = response.id
    if response.model:
        attributes[names.RESPONSE_MODEL] = response.model
    if response.finish_reasons:
        attributes[names.RESPONSE_FINISH_REASONS] = response.finish_reasons
    if first_chunk_s is not None:
        attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] = first_chunk_s
    if error_type is not None:
        attributes[names.ERROR_TYPE] = error_type
    if response.usage is not None:
        for unit, count in response.usage.counts.items():
            if count is not None and unit.attribute is not None:
                for name in names_of.get(unit.attribute, (unit.attribute,)):
                    attributes[name] = count
    if response.attributes is not None:
        attributes.update(response.attributes)
