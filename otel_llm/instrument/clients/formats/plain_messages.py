"""Messages, in the conventions' schema, for APIs without messages: text or media in, text or media out."""

from __future__ import annotations

from typing import Any

from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.parts import Part
from otel_llm.instrument.contract.data import Message


def user_messages(texts: Any) -> list[Message]:
    """Return one message for each text. The input is a text or a list of texts; a list of tokens gives none."""
    if isinstance(texts, str):
        return [user_message([parts.text(texts)])] if texts else []
    if not isinstance(texts, list | tuple):
        return []
    return [user_message([parts.text(text)]) for text in texts if isinstance(text, str)]


def user_message(content: list[Part]) -> Message:
    """Return the user's message."""
    return {"role": "user", "parts": content}


def answer(content: Part, finish_reason: str | None = "stop") -> Message:
    """Return the answer's message. Its finish reason is `stop`, where the API gives no reason."""
    return {"role": "assistant", "parts": [content], "finish_reason": finish_reason}
