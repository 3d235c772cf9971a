"""The attributes of one span, read one at a time: what is not asked for is never converted."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_llm.errors import DecodeError


class Attributes:
    """Typed look-ups; an attribute that is absent, or of another type, reads as None."""

    def __init__(self, pairs: Iterable[KeyValue]) -> None:
        self._values = {pair.key: pair.value for pair in pairs}

    def text(self, name: str) -> str | None:
        """Return a string attribute; an empty one reads as None."""
        value = self._values.get(name)
        return (value.string_value or None) if value is not None else None

    def integer(self, name: str) -> int | None:
        """Return an integer attribute."""
        value = self._values.get(name)
        return value.int_value if value is not None and value.HasField("int_value") else None

    def number(self, name: str) -> float | None:
        """Return a finite number, written as a double or an integer."""
        value = self._values.get(name)
        if value is None:
            return None
        if value.HasField("int_value"):
            return float(value.int_value)
        number = value.double_value if value.HasField("double_value") else math.nan
        return number if math.isfinite(number) else None

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a list of numbers, finite or not; empty where it is absent or has anything else in it."""
        value = self._values.get(name)
        if value is None:
            return ()
        items = value.array_value.values
        kinds = [item.WhichOneof("value") for item in items]
        if not {"double_value", "int_value"}.issuperset(kinds):
            return ()
        return tuple(float(getattr(item, str(kind))) for item, kind in zip(items, kinds, strict=True))

    def flag(self, name: str) -> bool:
        """Return a boolean attribute, absent as False."""
        value = self._values.get(name)
        return value is not None and value.bool_value

    def structure(self, name: str) -> object:
        """Return a structured attribute as lists, dicts and scalars, be it JSON text or a structured value.

        Raises:
            DecodeError: the text is not JSON.
        """
        value = self._values.get(name)
        if value is None:
            return None
        if not value.HasField("string_value"):
            return _plain(value)
        try:
            return _load(value.string_value)
        except (ValueError, RecursionError) as error:
            raise DecodeError(
                f"{name} is not JSON ({type(error).__name__}): was it cut by OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT?"
            ) from error


def _load(text: str) -> object:
    value: object = json.loads(text)
    if "\\ud" in text or "\\uD" in text:
        # An escaped surrogate may lack its other half, and no tokenizer or encoder downstream takes such a text.
        value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    return value


def _plain(value: AnyValue) -> object:
    # as deep as protobuf lets a message nest (100), so recursion is bounded
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()  # as in OTLP/JSON
        case None:
            return None
        case field:
            return getattr(value, field)
