"""The attributes of one span, converted one at a time when they are looked up."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from otel_llm.errors import DecodeError
from otel_llm.otlp.schema import Field, message_classes

_MAX_INDEX_DIGITS: Final = 6
# opentelemetry-proto v1, common.proto, AnyValue.string_value
_LOOSE_VALUE: Final = message_classes("otel_llm.loose", {"Value": {"text": Field(1)}})["Value"]


class Attributes:
    """Typed look-ups; an attribute that is absent, or of another type, reads as None.

    Every look-up raises a DecodeError that names the attribute if its bytes are no AnyValue.
    """

    __slots__ = ("_path", "_values")

    def __init__(self, values: Mapping[str, bytes], path: str = "") -> None:
        """Read serialized AnyValues by name; `path` is put before the names in messages."""
        self._values = values
        self._path = path

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def text(self, *names: str) -> str | None:
        """Return the first of the named attributes that is a string; an empty one reads as absent."""
        for name in names:
            if name in self._values and (text := self._value_of(name).string_value):
                return text
        return None

    def integer(self, *names: str) -> int | None:
        """Return the first of the named attributes that is an integer, or a double that is a whole number."""
        number = self.number(*names)
        return int(number) if number is not None and number.is_integer() else None

    def number(self, *names: str) -> float | None:
        """Return the first of the named attributes that is a finite number, a double or an integer."""
        for name in names:
            value = self._value(name)
            if value is not None:
                number = _number(value)
                if math.isfinite(number):
                    return number
        return None

    def numbers(self, *names: str) -> tuple[float, ...]:
        """Return the first list of numbers, finite or not; empty if there is none, or if it holds other values."""
        value = next((value for name in names if (value := self._value(name)) is not None), None)
        if value is None:
            return ()
        items = value.array_value.values
        kinds = [item.WhichOneof("value") for item in items]
        if not {"double_value", "int_value"}.issuperset(kinds):
            return ()
        return tuple(float(getattr(item, str(kind))) for item, kind in zip(items, kinds, strict=True))

    def flag(self, *names: str) -> bool:
        """Return True if a named attribute is true, or "true": some libraries write all values as texts."""
        values = [value for name in names if (value := self._value(name)) is not None]
        return any(value.bool_value or value.string_value.lower() == "true" for value in values)

    def structure(self, name: str) -> object:
        """Return a structured attribute as lists, dicts and scalars; it may be JSON text or a structured value.

        Raises:
            DecodeError: the text is not JSON.
        """
        value = self._value(name)
        if value is None:
            return None
        return load_json(value.string_value, self.where(name)) if value.HasField("string_value") else plain(value)

    def plain(self, name: str) -> object:
        """Return an attribute as lists, dicts and scalars; a text stays a text."""
        value = self._value(name)
        return None if value is None else plain(value)

    def indexed(self, prefix: str) -> list[Attributes]:
        """Return the attributes `prefix.N.name` as those of item N, by `name`, in the order of N."""
        items: dict[int, dict[str, bytes]] = {}
        start = f"{prefix}."
        for name in self._values:
            if name.startswith(start):
                index, _, rest = name[len(start) :].partition(".")
                if rest and len(index) <= _MAX_INDEX_DIGITS and index.isdecimal():
                    items.setdefault(int(index), {})[rest] = self._values[name]
        return [Attributes(items[index], f"{self._path}{start}{index}.") for index in sorted(items)]

    def where(self, name: str) -> str:
        """Return the whole name of an attribute."""
        return self._path + name

    def _value(self, name: str) -> AnyValue | None:
        return self._value_of(name) if name in self._values else None

    def _value_of(self, name: str) -> AnyValue:
        # only for a name that is there: the look-up of a missing key would add the key to protobuf's map
        return parse_value(self._values[name], self._path, name)


def parse_value(data: bytes, path: str, name: str = "") -> AnyValue:
    """Return a value.

    Raises:
        DecodeError: the bytes are no AnyValue; the message starts with `path` and `name`.
    """
    try:
        return AnyValue.FromString(data)
    except ProtobufDecodeError as error:
        if text := _loose_text(data):
            return AnyValue(string_value=text)
        raise DecodeError(f"{path}{name} is no AnyValue: {error}") from error


def _loose_text(data: bytes) -> str:
    """Return a text that is no UTF-8, such as one that was cut within a character; empty if it is no text."""
    try:
        text: bytes = _LOOSE_VALUE.FromString(data).text
    except ProtobufDecodeError:
        return ""
    return text.decode(errors="replace")


def load_json(text: str, where: str, *, strict: bool = True) -> object:
    """Return JSON as lists, dicts and scalars; control characters may be in its texts unless `strict`.

    Raises:
        DecodeError: the text is not JSON; the message starts with `where`.
    """
    try:
        return _load(text, strict=strict)
    except (ValueError, RecursionError) as error:
        raise DecodeError(
            f"{where} is not JSON ({type(error).__name__}): was it cut by OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT?"
        ) from error


def plain(value: AnyValue) -> object:
    """Return a value as lists, dicts and scalars."""
    # as deep as protobuf lets a message nest (100), so recursion is bounded
    match value.WhichOneof("value"):
        case "array_value":
            return [plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()  # as in OTLP/JSON
        case None:
            return None
        case field:
            return getattr(value, field)


def _number(value: AnyValue) -> float:
    if value.HasField("int_value"):
        return float(value.int_value)
    return value.double_value if value.HasField("double_value") else math.nan


def _load(text: str, *, strict: bool) -> object:
    # with an argument, json.loads makes a decoder for each text
    try:
        value: object = json.loads(text) if strict else json.loads(text, strict=False)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with more digits than Python reads
        value = json.loads(text, strict=strict, parse_int=float)
    if "\\ud" in text or "\\uD" in text:
        # An escaped surrogate may lack its other half, and no tokenizer or encoder downstream takes such a text.
        value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    return value
