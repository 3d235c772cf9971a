"""Reasoning that is in the texts of answers becomes parts of its own, wherever the texts were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from otel_llm.genai.call import Message, Part
from otel_llm.genai.harmony_text import WITHOUT_TOKENS, split_channels
from otel_llm.genai.reasoning_text import split_reasoning

_MARKS: Final = ("<", "◁", "[", WITHOUT_TOKENS)


def with_reasoning_apart(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages; what the assistant's texts have of reasoning is in parts of that type."""
    return tuple(
        replace(message, parts=tuple(_parts(message.parts))) if _may_have_reasoning(message) else message
        for message in messages
    )


def _may_have_reasoning(message: Message) -> bool:
    """Return False for most answers, fast: each form of reasoning has one of these marks."""
    return message.role == "assistant" and any(mark in part.text for part in message.parts for mark in _MARKS)


def _parts(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        if part.type == "text" and not part.refusal:
            yield from split_channels(part.text) or split_reasoning(part.text)
        else:
            yield part
