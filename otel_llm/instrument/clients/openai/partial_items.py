"""The items of an unfinished response, joined from a stream's events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of, index_of
from otel_llm.instrument.clients.formats.parts import plain

# by event: the item's list of parts, and the type and the field of the part with the text
_PARTS: Final = {
    "response.output_text": ("content", "output_text", "text"),
    "response.refusal": ("content", "refusal", "refusal"),
    "response.reasoning_text": ("content", "reasoning_text", "text"),
    "response.reasoning_summary_text": ("summary", "summary_text", "text"),
}
# by event: the item's field with the text
_FIELDS: Final = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
    "response.code_interpreter_call_code": "code",
}
# by event: the type of an item that no event has opened
_KINDS: Final = {
    **dict.fromkeys(_PARTS, "message"),
    "response.reasoning_text": "reasoning",
    "response.reasoning_summary_text": "reasoning",
    "response.function_call_arguments": "function_call",
    "response.custom_tool_call_input": "custom_tool_call",
    "response.mcp_call_arguments": "mcp_call",
    "response.code_interpreter_call_code": "code_interpreter_call",
}
# by event with a whole part: the item's list of parts
_WHOLE_PARTS: Final = {
    "response.content_part.done": "content",
    "response.reasoning_summary_part.done": "summary",
}
# by type of a part and list of parts: the event of its text
_EVENTS: Final = {(kind, parts): event for event, (parts, kind, _) in _PARTS.items()}
_DELTA: Final = ".delta"
_DONE: Final = ".done"
_ITEMS: Final = frozenset({"response.output_item.added", "response.output_item.done"})

_Pieces = dict[tuple[str, int], list[str]]
"""The pieces of each text of one item, by the text's event and the index of the part."""


class PartialItems:
    """The items of a response: finished items whole, the others as far as they came.

    Servers that speak the API in part leave out the events of items, or the indexes of items and parts.
    """

    def __init__(self) -> None:
        self._items: dict[int, Mapping[str, Any]] = {}
        self._pieces: dict[int, _Pieces] = {}
        self._done: set[int] = set()

    @property
    def is_empty(self) -> bool:
        """True if no item has begun."""
        return not self._items

    def add(self, kind: str, event: Any) -> None:
        """Add an event of this type. Most types hold no data that other events lack, and are ignored."""
        of, dot, step = kind.rpartition(".")
        if of in _KINDS and dot + step in {_DELTA, _DONE}:
            self._add_text(of, fields_of(event), is_whole=dot + step == _DONE)
        elif kind in _WHOLE_PARTS:
            held = fields_of(event)
            part = plain(held.get("part"))
            if (said := _EVENTS.get((str(part.get("type")), _WHOLE_PARTS[kind]))) is not None:
                self._add_text(said, {**held, **part}, is_whole=True)
        elif kind in _ITEMS:
            held = fields_of(event)
            item = plain(held.get("item"))
            index = self._index(held, item)
            self._items[index] = item
            if kind.endswith(_DONE):
                self._pieces.pop(index, None)
                self._done.add(index)

    def items(self) -> Iterator[Mapping[str, Any]]:
        """Return the items in order."""
        for index, item in sorted(self._items.items()):
            yield _joined(item, self._pieces.get(index, {}))

    def _add_text(self, of: str, held: Mapping[str, Any], *, is_whole: bool) -> None:
        text = held.get("delta") if not is_whole else held.get(_PARTS[of][2] if of in _PARTS else _FIELDS[of])
        if not isinstance(text, str):
            return
        kind = _KINDS[of]
        index = self._index(held, {"type": kind, "id": held.get("item_id")}, of_done=is_whole)
        if index in self._done:  # the finished item has the whole text
            return
        self._items.setdefault(index, {"type": kind, "id": held.get("item_id"), "name": held.get("name")})
        part = index_of(held.get("summary_index")) or index_of(held.get("content_index")) or 0
        pieces = self._pieces.setdefault(index, {}).setdefault((of, part), [])
        if is_whole:
            pieces.clear()
        pieces.append(text)

    def _index(self, held: Mapping[str, Any], item: Mapping[str, Any], *, of_done: bool = False) -> int:
        """Return the index of an event's item: the event's own, or that of the item with its id or type."""
        if (index := index_of(held.get("output_index"))) is not None:
            return index
        for known, each in reversed(self._items.items()):
            is_same = each.get("id") is None or item.get("id") in (None, each["id"])
            if is_same and (of_done or known not in self._done) and each.get("type") == item.get("type"):
                return known
        return max(self._items, default=-1) + 1


def _joined(item: Mapping[str, Any], pieces: _Pieces) -> Mapping[str, Any]:
    whole = dict(item)
    for (of, _), texts in sorted(pieces.items(), key=lambda each: each[0][1]):
        text = "".join(texts)
        if (field := _FIELDS.get(of)) is not None:
            whole[field] = text
        else:
            parts, kind, key = _PARTS[of]
            whole[parts] = [*(whole.get(parts) or ()), {"type": kind, key: text}]
    return whole
