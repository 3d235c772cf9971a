"""The items of a response that has not come to its end, put together of a stream's events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of
from otel_llm.instrument.clients.formats.parts import plain

# events that bring a piece of a text: the item's list that it belongs to, and the part of that list
_PARTS: Final = {
    "response.output_text.delta": ("content", "output_text", "text"),
    "response.refusal.delta": ("content", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text", "text"),
}
# others, whose text is a field of the item
_FIELDS: Final = {
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.mcp_call_arguments.delta": "arguments",
    "response.code_interpreter_call_code.delta": "code",
}

_Pieces = dict[tuple[str, int], list[str]]
"""Of one item: the pieces of each text, by the type of their events and the index of the part."""


class PartialItems:
    """Items, each whole once it is done, and until then what came of it."""

    def __init__(self) -> None:
        self._items: dict[int, Any] = {}
        self._pieces: dict[int, _Pieces] = {}

    def add(self, kind: str, event: Any) -> None:
        """Take an event of this type; most tell nothing of an item that others do not."""
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
        """Give the items in their order."""
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
