"""What an answer is judged against: the documents of a call, and the user's question without them."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.errors import DecodeError
from otel_llm.genai.call import DocumentsSource, Message

_TAGS: Final = ("context", "documents")
# not str.lower, which makes some texts longer ("İ"): offsets in the one must hold in the other
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_CONTEXT_HEADING: Final = re.compile(r"^[ \t]*(?:context|documents|sources):", re.IGNORECASE | re.MULTILINE)
_QUESTION_HEADING: Final = re.compile(r"^[ \t]*(?:question|query):", re.IGNORECASE | re.MULTILINE)
_ANSWER_HEADING: Final = re.compile(r"^[ \t]*answer:[ \t]*\Z", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt taken apart."""

    documents: tuple[str, ...]
    """The texts of its context section; empty where it has none."""
    question: str
    """The rest of it: the whole prompt where it has no context section."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer is judged against, and the question without it."""

    documents: tuple[str, ...] = ()
    source: DocumentsSource = ""
    question: str | None = None
    """None where the last user message has no context section."""


def context_of(explicit: tuple[str, ...], messages: Sequence[Message], system: str) -> Context:
    """Return the texts that a call's answer is judged against; none where there are none.

    The first of these that the call has: its attribute, tool results, the context section of the last user
    message, the context section of the system instructions.

    Args:
        explicit: the attribute's texts.
        messages: the input.
        system: the instructions; without them, those in the messages count.
    """
    prompt = split_prompt(last_text(messages, "user"))
    question = prompt.question if prompt.documents else None
    if explicit:
        return Context(explicit, "explicit", question)
    if results := tool_results(messages):
        return Context(results, "tools", question)
    documents = prompt.documents or split_prompt(system or last_text(messages, "system")).documents
    return Context(documents, "prompt" if documents else "", question)


def tool_results(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return what tools answered, in the order of the messages; empty answers are left out."""
    return tuple(
        part.text
        for message in messages
        for part in message.parts
        if part.type == "tool_call_response" and part.text
    )


def last_text(messages: Sequence[Message], role: str) -> str:
    """Return the text of the last message of that role; empty where there is none."""
    return next((message.text for message in reversed(messages) if message.role == role), "")


def read_texts(value: object, where: str) -> tuple[str, ...]:
    """Return the texts of an attribute's value, without empty ones; None is no texts.

    Raises:
        DecodeError: the value is not a list of texts; the message starts with `where`.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise DecodeError(f"{where} must be a list of texts, got {type(value).__name__}")
    return tuple(text for text in value if text)


def split_prompt(text: str) -> Prompt:
    """Return the context section and the question of a prompt that delimits its context.

    Two forms are known: `<context>...</context>` (or `<documents>`, in which each `<document>` is a text of its
    own), and the lines `Context:` and `Question:`, in either order. A prompt with the first heading alone is
    not split: where its context ends is anyone's guess.
    """
    return _split_tags(text) or _split_headings(text) or Prompt((), text)


def _split_tags(text: str) -> Prompt | None:
    if "</" not in text:
        return None
    # str.find, no regular expression: many opening tags without a closing one would make that quadratic
    lower = text.translate(_LOWER)
    for tag in _TAGS:
        section = _find_element(lower, tag, 0)
        if section is not None:
            start, inner, inner_end, end = section
            rest = text[:start].rstrip() + "\n" + text[end:].lstrip()
            return Prompt(_documents(text[inner:inner_end]), _question(rest))
    return None


def _split_headings(text: str) -> Prompt | None:
    if ":" not in text:
        return None
    context, question = _CONTEXT_HEADING.search(text), _QUESTION_HEADING.search(text)
    if context is None or question is None:
        return None
    if context.start() < question.start():
        return Prompt(_documents(text[context.end() : question.start()]), _question(text[question.start() :]))
    return Prompt(_documents(text[context.end() :]), _question(text[question.start() : context.start()]))


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
    """Return where `<tag ...>` starts and ends and where `</tag>` starts and ends; None where one is missing."""
    start = lower.find(f"<{tag}", position)
    while start >= 0 and lower[start + len(tag) + 1 : start + len(tag) + 2] not in {">", " ", "\n"}:
        start = lower.find(f"<{tag}", start + 1)  # another tag that begins alike, such as <documents>
    inner = lower.find(">", start) + 1 if start >= 0 else 0
    inner_end = lower.find(f"</{tag}>", inner) if inner > 0 else -1
    return (start, inner, inner_end, inner_end + len(tag) + 3) if inner_end >= 0 else None
