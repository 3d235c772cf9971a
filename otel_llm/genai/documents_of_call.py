"""The documents that an answer must agree with, and the user's question without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otel_llm.genai.call import DocumentsSource, Message, last_user_message
from otel_llm.genai.prompt.context import context_of_instructions, split_prompt


@dataclass(frozen=True, slots=True)
class CallDocuments:
    """The documents of a call, and its question."""

    documents: tuple[str, ...] = ()
    source: DocumentsSource = ""
    question: str | None = None
    """The last user message without its context section; None means that it has no such section."""


def documents_of_call(explicit: tuple[str, ...], messages: Sequence[Message], system: str) -> CallDocuments:
    """Return the documents of a call, which may be empty.

    The first of these that the call has: the texts of its attribute, tool results, the context section of the last
    user message, a context in a message of its own, the context section of the system instructions.

    Args:
        explicit: the texts of the attribute.
        messages: the input messages.
        system: the system instructions; if empty, those in the messages count.
    """
    documents, question = _prompt(*_asked(messages))
    if explicit:
        return CallDocuments(explicit, "explicit", question)
    if results := tool_results(messages):
        return CallDocuments(results, "tools", question)
    if not documents:
        texts = [system] if system else [each.text for each in reversed(messages) if each.role == "system"]
        documents = next((found for text in texts if (found := context_of_instructions(text))), ())
    return CallDocuments(documents, "prompt" if documents else "", question)


def _asked(messages: Sequence[Message]) -> tuple[list[str], list[str]]:
    """Return the user's texts of this turn and those before it, each the last first."""
    texts: tuple[list[str], list[str]] = ([], [])
    final = last_user_message(messages)
    is_earlier = False
    for message in reversed(messages):
        if final and message.role == final.role and message.parts and not message.has_only_results:
            texts[is_earlier].append(message.text)
        is_earlier = is_earlier or (message.role == "assistant" and bool(texts[0]))
    return texts


def _prompt(texts: Sequence[str], earlier: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """Return the documents and the question in the user's messages; without a context the question is None."""
    if not texts:
        return (), None
    final, *others = texts
    split = split_prompt(final)
    if split.question != final:
        # a prompt that refines an answer has its question in the first message
        return split.documents, split.question or next(filter(None, (*others, *earlier)), "")
    if others and (documents := context_of_instructions(final)):
        return documents, others[0]
    return next((found for text in others if (found := context_of_instructions(text))), ()), None


def tool_results(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return the answers of tools, in the order of the messages, without empty answers."""
    return tuple(
        part.text
        for message in messages
        for part in message.parts
        if part.type == "tool_call_response" and part.text
    )
