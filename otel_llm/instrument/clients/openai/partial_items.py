"""The items of an unfinished response, joined from a stream's events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of
from otel_llm.instrument.clients.formats.parts import plain

# events with a piece of a text: the item's list of parts, and the type and the field of the part
_PARTS: Final = {
    "response.output_text.delta": ("content", "output_text", "text"),
    "response.refusal.delta": ("content", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text", "text"),
}
# events with a piece of a text that is a field of the item
_FIELDS: Final = {
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.mcp_call_arguments.delta": "arguments",
    "response.code_interpreter_call_code.delta": "code",
}

_Pieces = dict[tuple[str, int], list[str]]
"""The pieces of each text of one item, by type of event and index of the part."""


class PartialItems:
    """The items of a response: finished items whole, the others as far as they came."""

    def __init__(self) -> None:
        self._items: dict[int, Any] = {}
        self._pieces: dict[int, _Pieces] = {}

    def add(self, kind: str, event: Any) -> None:
        """Add an event of this type. Most types hold no data that other events lack, and are ignored."""
        if kind in _PARTS or kind in _FIELDS:
            held = fields_of(event)
            pieces = self._pieces.setdefault(held.get("output_index", 0), {})
            part = held.get("summary_index", held.get("content_index", 0))
            pieces.setdefault((kind, part), []).append(held.get("delta") or "")
        elif kind in {"response.output_item.added", "response.output_item.done"}:
            held = fields_of(event)
            self._items[held.get("output_index", 0)] = held.get("item")
            if kind == "response.output_item.done":
                self._pieces.pop(held.get("output_index", 0), None)

    def items(self) -> Iterator[Mapping[str, Any]]:
        """Return the items in order."""
        for index, item in sorted(self._items.items()):
            yield _joined(plain(item), self._pieces.get(index, {}))


def _joined(item: Mapping[str, Any], pieces: _Pieces) -> Mapping[str, Any]:
    whole = dict(item)
    for (kind, _), texts in sorted(pieces.items(), key=lambda each: each[0][1]):
        text = "".join(texts)
        if (field := _FIELDS.get(kind)) is not None:
            whole[field] = text
        else:
            of, part, key = _PARTS[kind]
            whole[of] = [*(whole.get(of) or ()), {"type": part, key: text}]
    return whole
