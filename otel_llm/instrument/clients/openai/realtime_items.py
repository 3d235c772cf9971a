"""Items of a realtime conversation in the form of a response's items, with transcripts in place of audio.

Source: the OpenAI API reference, "Realtime", conversation items, read in November 2026.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of
from otel_llm.instrument.clients.formats.openai_responses import input_items
from otel_llm.instrument.contract.data import Message

_ITEMS_LIMIT: Final = 1_000  # items kept: a session may last an hour
# types of texts: of a user, of the model, and of the model in `client.beta.realtime` (`text`)
_AUDIO: Final = frozenset({"input_audio", "output_audio", "audio"})


class Conversation:
    """The conversation so far, by the server's events."""

    def __init__(self) -> None:
        self._messages: dict[str, list[Message]] = {}
        """Messages by item: one message, or none for an item without content."""

    def add(self, event: Mapping[str, Any]) -> None:
        """Add an event of an item: added, complete, transcribed or deleted."""
        kind = event["type"]
        if kind == "conversation.item.deleted":
            self._messages.pop(event["item_id"], None)
        elif kind == "conversation.item.input_audio_transcription.completed":
            self._hear(event["item_id"], event["transcript"])
        else:
            item = item_fields(event["item"])
            self._messages[item.get("id") or ""] = input_items([item])
            if len(self._messages) > _ITEMS_LIMIT:
                self._messages.pop(next(iter(self._messages)))

    def ids(self) -> list[str]:
        """Return the ids of the items so far, oldest first."""
        return list(self._messages)

    def messages(self, ids: Iterable[str]) -> list[Message]:
        """Return the messages of these items, as known by now."""
        return [message for item_id in ids for message in self._messages.get(item_id, ())]

    def _hear(self, item_id: str, transcript: str) -> None:
        heard = {"type": "text", "content": transcript}
        # replaced, not changed: an event that is not exported yet may hold the old message
        self._messages[item_id] = [
            {**message, "parts": [*(part for part in message["parts"] if part["type"] != "audio"), heard]}
            for message in self._messages.get(item_id, ())
        ]


def item_fields(item: Any) -> Mapping[str, Any]:
    """Return an item, an object or a mapping, with transcripts in place of audio; `audio` without a transcript."""
    held = item if isinstance(item, Mapping) else fields_of(item)
    content = held.get("content")
    return held if content is None else {**held, "content": [_part(part) for part in content]}


def _part(part: Any) -> Any:
    held = part if isinstance(part, Mapping) else fields_of(part)
    kind = held.get("type")
    if kind not in _AUDIO and kind != "text":
        return part
    text = held.get("text" if kind == "text" else "transcript")
    return {"type": "output_text", "text": text} if isinstance(text, str) else {"type": "audio"}
