"""The conversation of a realtime session."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.realtime.request import ItemContent, RealtimeItem
from otel_llm.serve.realtime.response import Emit


class Conversation:
    """Items, the oldest first; each change is an event to the client. Used by the tasks of one session."""

    def __init__(self, emit: Emit) -> None:
        self.id = f"conv_{secrets.token_hex(10)}"
        self._emit = emit
        self._items: dict[str, RealtimeItem] = {}

    def items(self) -> Iterable[RealtimeItem]:
        """Return all items."""
        return self._items.values()

    @property
    def last_id(self) -> str | None:
        """The id of the newest item; None without items."""
        return next(reversed(self._items), None)

    async def add(self, item: RealtimeItem) -> None:
        """Add an item; an item without an id gets one."""
        item = item.model_copy(update={"id": item.id or new_item_id()})
        previous_id = self.last_id
        self._items[str(item.id)] = item
        for kind in ("conversation.item.added", "conversation.item.done"):
            await self._emit(kind, item=item.shown(), previous_item_id=previous_id)

    async def transcribe(self, item_id: str, transcript: str, seconds: float) -> None:
        """Set the transcript of an item."""
        heard = ItemContent(type="input_audio", transcript=transcript)
        self._items[item_id] = self._items[item_id].model_copy(update={"content": [heard]})
        await self._emit(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=transcript,
            usage={"type": "duration", "seconds": seconds},
        )

    async def delete(self, item_id: Any) -> None:
        """Delete an item.

        Raises:
            ApiError: no item has this id.
        """
        del self._items[str(self._known(item_id).id)]
        await self._emit("conversation.item.deleted", item_id=item_id)

    async def retrieve(self, item_id: Any) -> None:
        """Send an item to the client.

        Raises:
            ApiError: no item has this id.
        """
        await self._emit("conversation.item.retrieved", item=self._known(item_id).shown())

    def _known(self, item_id: Any) -> RealtimeItem:
        item = self._items.get(str(item_id))
        if item is None:
            raise ApiError(400, f"there is no item {item_id!r}", param="item_id", code="item_not_found")
        return item


def new_item_id() -> str:
    """Return a new id."""
    return f"item_{secrets.token_hex(10)}"
