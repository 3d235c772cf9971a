"""Content as JSON text within a limit: what is cut says so, and the JSON stays valid."""

from __future__ import annotations

import json
from typing import Any


def to_json(value: Any, limit: int) -> str:
    """Return the value as JSON text.

    Args:
        value: messages or tool definitions in the conventions' schema.
        limit: how many characters of text are kept in all. The newest messages are kept first; a text that does
            not fit ends with how much of it was cut.
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else json.dumps(cut(value, limit), ensure_ascii=False, default=str)


def cut(value: Any, limit: int) -> Any:
    """Return a copy of the value whose texts have at most `limit` characters in all, the last ones kept first."""
    return _Budget(limit).spend(value)


class _Budget:
    def __init__(self, characters: int) -> None:
        self._left = characters

    def spend(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._spend_text(value)
        if isinstance(value, dict):
            # `type`, `role`, `name`, `id`: short, and without them the rest cannot be read
            return {key: item if key in _KEPT else self.spend(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.spend(item) for item in reversed(value)][::-1]
        return value

    def _spend_text(self, text: str) -> str:
        kept = text[: self._left]
        self._left -= len(kept)
        lost = len(text) - len(kept)
        return f"{kept}…[{lost} characters cut]" if lost else text


_KEPT = frozenset({"type", "role", "name", "id", "finish_reason", "modality", "mime_type"})
