"""The documents that an answer must agree with, and the user's question without them."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.genai.call import DocumentsSource, Message

_TAGS: Final = ("context", "documents")
# not str.lower: it makes some texts longer ("İ"), and offsets must be the same in both texts
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_CONTEXT_HEADING: Final = re.compile(r"^[ \t]*(?:context|documents|sources):", re.IGNORECASE | re.MULTILINE)
_QUESTION_HEADING: Final = re.compile(r"^[ \t]*(?:question|query):", re.IGNORECASE | re.MULTILINE)
_ANSWER_HEADING: Final = re.compile(r"^[ \t]*answer:[ \t]*\Z", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SplitPrompt:
    """The context section of a prompt, and the rest."""

    documents: tuple[str, ...]
    """The texts of the context section; empty without such a section."""
    question: str
    """The prompt without its context section."""


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
    user message, the context section of the system instructions.

    Args:
        explicit: the texts of the attribute.
        messages: the input messages.
        system: the system instructions; if empty, those in the messages count.
    """
    prompt = split_prompt(last_text(messages, "user"))
    question = prompt.question if prompt.documents else None
    if explicit:
        return CallDocuments(explicit, "explicit", question)
    if results := tool_results(messages):
        return CallDocuments(results, "tools", question)
    documents = prompt.documents or split_prompt(system or last_text(messages, "system")).documents
    return CallDocuments(documents, "prompt" if documents else "", question)


def tool_results(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return the answers of tools, in the order of the messages, without empty answers."""
    return tuple(
        part.text
        for message in messages
        for part in message.parts
        if part.type == "tool_call_response" and part.text
    )


def last_text(messages: Sequence[Message], role: str) -> str:
    """Return the text of the last message of that role; empty without such a message."""
    return next((message.text for message in reversed(messages) if message.role == role), "")


def split_prompt(text: str) -> SplitPrompt:
    """Return the context section and the question of a prompt that delimits its context.

    Two forms are known: `<context>...</context>` (or `<documents>`, in which each `<document>` is a text of its
    own), and the lines `Context:` and `Question:`, in either order. A prompt with only the line `Context:` is not
    split: the end of its context is unknown.
    """
    return _split_tags(text) or _split_headings(text) or SplitPrompt((), text)


def _split_tags(text: str) -> SplitPrompt | None:
    if "</" not in text:
        return None
    # str.find, no regular expression: that would be quadratic for many opening tags without a closing tag
    lower = text.translate(_LOWER)
    for tag in _TAGS:
        section = _find_element(lower, tag, 0)
        if section is not None:
            start, inner, inner_end, end = section
            rest = text[:start].rstrip() + "\n" + text[end:].lstrip()
            return SplitPrompt(_documents(text[inner:inner_end]), _question(rest))
    return None


def _split_headings(text: str) -> SplitPrompt | None:
    if ":" not in text:
        return None
    context, question = _CONTEXT_HEADING.search(text), _QUESTION_HEADING.search(text)
    if context is None or question is None:
        return None
    if context.start() < question.start():
        return SplitPrompt(_documents(text[context.end() : question.start()]), _question(text[question.start() :]))
    return SplitPrompt(_documents(text[context.end() :]), _question(text[question.start() : context.start()]))


def _question(text: str) -> str:
    heading = _QUESTION_HEADING.search(text)
    question = text[heading.end() :] if heading else text
    return _ANSWER_HEADING.sub("", question.strip()).strip()


def _documents(section: str) -> tuple[str, ...]:
    lower, texts, position = section.translate(_LOWER), [], 0
    while (element := _find_element(lower, "document", position)) is not None:
        _, inner, inner_end, position = element
        texts.append(section[inner:inner_end])
    return tuple(text for text in (text.strip() for text in texts or [section]) if text)


def _find_element(lower: str, tag: str, position: int) -> tuple[int, int, int, int] | None:
    """Return the start and end of `<tag ...>`, and of `</tag>`; None if a tag is missing."""
    start = lower.find(f"<{tag}", position)
    while start >= 0 and lower[start + len(tag) + 1 : start + len(tag) + 2] not in {">", " ", "\n"}:
        start = lower.find(f"<{tag}", start + 1)  # a tag with a longer name, such as <documents>
    inner = lower.find(">", start) + 1 if start >= 0 else 0
    inner_end = lower.find(f"</{tag}>", inner) if inner > 0 else -1
    return (start, inner, inner_end, inner_end + len(tag) + 3) if inner_end >= 0 else None
