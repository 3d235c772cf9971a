"""Content as JSON within a limit. Cuts are marked, and the JSON stays valid by the conventions' schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from typing import Any, Final, NamedTuple

Item = dict[str, Any]
"""A message, a part of a message, or a tool's definition."""

# keys without whose values the rest cannot be read; a longer value is shortened like any text
_KEPT: Final = frozenset({"type", "role", "name", "id", "finish_reason", "modality", "mime_type"})
_KEPT_LIMIT: Final = 100
# keys whose values must stay objects: the texts inside are cut
_OBJECTS: Final = frozenset({"server_tool_call", "server_tool_call_response"})
_SCHEMA: Final = "parameters"  # a JSON schema, which a cut inside would make another one
_SEPARATOR: Final = len(", ")


class Fitted(NamedTuple):
    """Items within a limit."""

    items: list[Item]
    text: str
    """The JSON of the items."""


def fit(items: list[Item], limit: int, prepare: Callable[[Item], Item] = copy) -> Fitted:
    """Return messages, parts or tool definitions, in the conventions' schema, within a limit.

    Args:
        items: the messages, parts or definitions.
        limit: the maximum length of the JSON in characters. The newest items are kept. The item that reaches the
            limit is shortened: each of its texts ends with the number of characters cut. One item with the number
            of items replaces all older items, even where the limit has no room for this item.
        prepare: prepares an item before it is measured. Not called for items that are too old for the limit.
    """
    prepared: list[Item] = []
    texts: list[str] = []
    left = limit - len("[]") + _SEPARATOR
    for item in reversed(items):
        prepared.append(prepare(item))
        texts.append(_json(prepared[-1]))
        left -= len(texts[-1]) + _SEPARATOR
        if left < 0:
            kept = _cut(items[: len(items) - len(prepared)] + prepared[::-1], limit)
            return Fitted(kept, _json(kept))
    return Fitted(prepared[::-1], f"[{', '.join(reversed(texts))}]")


def _cut(items: list[Item], limit: int) -> list[Item]:
    dropped = (
        _dropped_message if "role" in items[-1] else _dropped_part if "content" in items[-1] else _dropped_tool
    )
    room = _Room(limit - len("[]") - _size(dropped(items)))
    return room.newest(items, dropped)


class _Room:
    """The number of characters left. Room for the marks of cuts is taken before any text is filled in."""

    def __init__(self, characters: int) -> None:
        self._left = characters

    def newest(self, items: list[Item], dropped: Callable[[list[Item]], Item]) -> list[Item]:
        """Return the newest items that fit. The room for `dropped`, in place of the others, is taken already."""
        kept: list[Item] = []
        for item in reversed(items):
            if self._take(_size(item)):
                kept.append(item)
                continue
            if (shortened := self._shortened(item)) is not None:
                kept.append(shortened)
            break
        older = items[: len(items) - len(kept)]
        return [*([dropped(older)] if older else []), *reversed(kept)]

    def _shortened(self, item: Item) -> Item | None:
        bare = {key: value if _is_kept(key, value) else _bare(key, value) for key, value in item.items()}
        if not self._take(_size(bare)):
            return None
        return {key: self._filled(key, item[key], value) for key, value in bare.items()}

    def _filled(self, key: str, value: Any, bare: Any) -> Any:
        """Return as much of a value as the room allows, in place of its bare form."""
        if value is bare:
            return value
        if _are_parts(key, value):
            return self.newest(value, _dropped_part)
        if _is_object(key, value):
            return {name: self._filled(name, inner, bare[name]) for name, inner in value.items()}
        if self._take(max(0, len(_json(value)) - len(_json(bare)))):
            return value
        if key == _SCHEMA:
            return bare
        text = value if isinstance(value, str) else _json(value)
        kept = text[: self._left]
        # escapes make a character longer in JSON
        kept = kept[: max(0, len(kept) - (len(_json(kept)) - len('""') - len(kept)))]
        self._left = 0
        return kept + _mark(len(text) - len(kept), "character")

    def _take(self, characters: int) -> bool:
        if characters > self._left:
            return False
        self._left -= characters
        return True


def _bare(key: str, value: Any) -> Any:
    """Return the shortest stand-in for a value: the mark of a cut, or the value if it is not longer."""
    if _are_parts(key, value):
        return [_dropped_part(value)]
    if _is_object(key, value):
        return {name: inner if _is_kept(name, inner) else _bare(name, inner) for name, inner in value.items()}
    text = value if isinstance(value, str) else _json(value)
    mark = _mark(len(text), "character")
    if key == _SCHEMA and isinstance(value, dict):
        schema = {"description": mark}
        return value if len(text) <= len(_json(schema)) else schema
    return value if len(_json(value)) <= len(_json(mark)) else mark


def _is_kept(key: str, value: Any) -> bool:
    return key in _KEPT and isinstance(value, str) and len(value) < _KEPT_LIMIT


def _are_parts(key: str, value: Any) -> bool:
    # all other structures, such as arguments and responses, are the app's own: their JSON is cut like a text
    return (
        key == "parts"
        and isinstance(value, list)
        and bool(value)
        and all(isinstance(part, dict) for part in value)
    )


def _is_object(key: str, value: Any) -> bool:
    return key in _OBJECTS and isinstance(value, dict)


def _dropped_message(messages: list[Item]) -> Item:
    marker: Item = {"role": "system", "parts": [{"type": "text", "content": _mark(len(messages), "message")}]}
    if "finish_reason" in messages[-1]:
        marker |= {"role": "assistant", "finish_reason": messages[-1]["finish_reason"]}
    return marker


def _dropped_part(parts: list[Item]) -> Item:
    return {"type": "text", "content": _mark(len(parts), "part")}


def _dropped_tool(tools: list[Item]) -> Item:
    return {"type": "function", "name": _mark(len(tools), "tool")}


def _mark(count: int, what: str) -> str:
    return f"…[{count} {what}{'' if count == 1 else 's'} cut]"


def _size(item: Item) -> int:
    return len(_json(item)) + _SEPARATOR


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
