"""Messages, in the conventions' schema, of APIs that know none: a text or a medium in, a text or a medium out."""

from __future__ import annotations

from typing import Any

from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.parts import Part
from otel_llm.instrument.contract.data import Message


def user_messages(texts: Any) -> list[Message]:
    """Return one message for each text: of one text, of a list of them; of a list of tokens, none."""
    if isinstance(texts, str):
        return [user_message([parts.text(texts)])] if texts else []
    if not isinstance(texts, list | tuple):
        return []
    return [user_message([parts.text(text)]) for text in texts if isinstance(text, str)]


def user_message(content: list[Part]) -> Message:
    """Return what is asked."""
    return {"role": "user", "parts": content}


def answer(content: Part, finish_reason: str | None = "stop") -> Message:
    """Return what is answered; where an API gives no reason for the end, it was reached."""
    return {"role": "assistant", "parts": [content], "finish_reason": finish_reason or "error"}
