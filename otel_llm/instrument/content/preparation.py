"""Content made ready to be recorded: media are described, texts are redacted, the schema is the conventions'."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.content.media import describe_bytes, described, without_media
from otel_llm.instrument.content.redact import Redaction
from otel_llm.text.labels import label_of, labelled_items
from otel_llm.text.well_formed import well_formed

Item = dict[str, Any]
"""A message, a part of a message, or a tool's definition."""

# keys of the schema, whose values are words of the schema; in an app's own structures these keys are not special
_STRUCTURAL: Final = frozenset({"type", "role", "id", "file_id", "finish_reason", "modality", "mime_type"})
# keys whose value may be null: arguments and answers of tools. Elsewhere the schema leaves a null out
_NULLABLE: Final = frozenset({"arguments", "response"})
# keys of texts that people and models write: base64 in these texts is kept as written
_WRITTEN: Final = frozenset({"text", "reasoning"})
_STRUCTURAL_LIMIT: Final = 100  # characters; a longer value is not a word of the schema
_INTEGERS: Final = range(-(2**63), 2**63)  # the integers of OTLP, and of most readers of JSON
_NUMBER_MIN: Final = 10**8  # the shortest number that a pattern finds has nine digits
# Levels of a part's own structures; deeper structures become a text of JSON. Protobuf nests messages 100 levels
# deep: an event takes 16 levels to reach a part, and 3 for each level of the part.
_DEPTH_LIMIT: Final = 24
_STRUCTURE_LIMIT: Final = 120  # levels; a deeper structure is a text: Python's own limit is not reached


class Preparation:
    """Prepares content. Results share no mutable object with the arguments."""

    def __init__(self, redact: Redaction | None) -> None:
        self._redact = redact

    def item(self, item: Item) -> Item:
        """Return the recorded form of a message, a part, or a tool's definition.

        Raises:
            RedactionError: a function of the app's own failed.
        """
        return self._message(item) if "parts" in item else self._part(item)

    def text(self, text: str, *, bare: bool = False) -> str:
        """Return the recorded form of a text. If `bare` is true, base64 without a `data:` URL counts as media.

        Raises:
            RedactionError: a function of the app's own failed.
        """
        text = without_media(well_formed(text), bare=bare)
        if self._redact is None or not text:
            return text
        if text[0] in "{[" and (redacted := self._json(text)) is not None:
            return redacted
        return self._redact(text)

    def _message(self, message: Item) -> Item:
        prepared = {
            key: well_formed(value) if _is_structural(key, value) else self._value(value)
            for key, value in message.items()
            if key != "parts" and value is not None
        }
        prepared["parts"] = [self._part(part) for part in message["parts"]]
        return prepared

    def _part(self, part: Item) -> Item:
        kind = part.get("type")
        if kind == "blob":
            prepared = described(part)
            part = {key: value for key, value in part.items() if key not in {*prepared, "content"}}
        else:
            prepared = {}
        bare = kind not in _WRITTEN
        for key, value in part.items():
            if _is_structural(key, value):
                prepared[key] = well_formed(value)
            elif value is not None or key in _NULLABLE:
                prepared[key] = self._value(value, bare=bare)
        return prepared

    def _value(self, value: Any, *, bare: bool = True, depth: int = 0, label: str = "") -> Any:
        match value:
            case None | bool():
                return value
            case int() | float():
                return self._number(value)
            case Mapping() | list() | tuple():
                return self._flat(value) if depth == _DEPTH_LIMIT else self._structure(value, depth + 1, label)
            case bytes() | bytearray() | memoryview():
                return describe_bytes(value)
            case _:
                return self.text(str(value), bare=bare)

    def _structure(self, value: Any, depth: int, label: str) -> Any:
        if depth > _STRUCTURE_LIMIT:
            raise RecursionError(f"a structure nests more than {_STRUCTURE_LIMIT} levels deep")
        if isinstance(value, Mapping):
            if value.get("type") == "blob" and "modality" in value:  # media in the answer of a tool
                return self._part(dict(value))
            return {
                self.text(str(key)): self._field(label_of(value, str(key), label), inner, depth)
                for key, inner in value.items()
            }
        return [self._field(name, inner, depth) for name, inner in labelled_items(value, label)]

    def _field(self, label: str, value: Any, depth: int) -> Any:
        if self._redact is not None and label and isinstance(value, str | int) and not isinstance(value, bool):
            redacted = self._redact.labelled(label, text := str(value))
            value = value if redacted == text else redacted
        return self._value(value, depth=depth, label=label)

    def _number(self, number: float) -> float | str:
        if isinstance(number, float) and not math.isfinite(number):  # JSON has no NaN and no infinities
            return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
        if isinstance(number, int) and number not in _INTEGERS:
            return self.text(_digits(number))
        if self._redact is None or abs(number) < _NUMBER_MIN or number != int(number):
            return number
        redacted = self._redact(text := str(int(number)))
        return number if redacted == text else redacted

    def _flat(self, value: Any) -> str:
        """Return a structure's JSON with redacted values; redacted as one text if it nests too deeply."""
        with contextlib.suppress(RecursionError):
            return _dumped(self._value(value, depth=_DEPTH_LIMIT + 1))
        with contextlib.suppress(RecursionError):
            text = well_formed(_dumped(value))
            return text if self._redact is None else self._redact(text)
        return "…[nested too deeply]"

    def _json(self, text: str) -> str | None:
        """Return a text of JSON with redacted values, so that the text stays JSON; None if the text is no JSON."""
        try:
            value = json.loads(text, object_pairs_hook=_unrepeated)
        except (ValueError, RecursionError):
            return None
        redacted = self._value(value)
        return text if redacted == value else _dumped(redacted)


def _digits(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # longer than `sys.get_int_max_str_digits`
        return hex(number)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; raise for a repeated key, whose earlier value no reader would see."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_structural(key: str, value: Any) -> bool:
    return key in _STRUCTURAL and isinstance(value, str) and len(value) < _STRUCTURAL_LIMIT
