"""The parts of a prompt: its documents and its question, without the words of the template around them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from otel_llm.genai.prompt.headings import ANSWER, ASKED_LINE, PREVIOUS, QUESTION, REQUEST, last
from otel_llm.genai.prompt.tags import documents_in, tagged_question

_PLACEHOLDER: Final = re.compile(r"\{{1,3}[ #]{0,2}[\w.]{1,60}[ #]{0,2}\}{1,3}")
_QUOTES: Final = ('"""', "```", "'''")


@dataclass(frozen=True, slots=True)
class SplitPrompt:
    """The context section of a prompt, and the rest."""

    documents: tuple[str, ...]
    """The texts of the context section; empty without such a section."""
    question: str
    """The prompt without its context section, and without the words of a template around the question."""


def question_of(text: str) -> str:
    """Return the question in the rest of a prompt, without its heading and that of the answer."""
    if (tagged := tagged_question(text)) is not None:
        return tagged
    heading = QUESTION.search(text) or REQUEST.search(text) or ASKED_LINE.match(text)
    question = text[heading.end() :] if heading else text
    if previous := PREVIOUS.search(question):
        question = question[: previous.start()]
    stripped = question.strip()
    answer = last(ANSWER, stripped)
    return stripped[: answer.start()].strip() if answer and answer.end() == len(stripped) else stripped


def documents_of(*sections: str) -> tuple[str, ...]:
    """Return the texts of contexts, without empty ones and without the placeholders of templates."""
    texts: Iterable[str] = (_bare(text) for section in sections for text in documents_in(section))
    return tuple(text for text in texts if text and not _PLACEHOLDER.fullmatch(text))


def without_end(section: str) -> str:
    """Return a context without the headings behind it, such as those of the conversation or of the answer."""
    if previous := PREVIOUS.search(section):
        section = section[: previous.start()]
    answer = last(ANSWER, section.rstrip())
    return section[: answer.start()] if answer and answer.end() == len(section.rstrip()) else section


def line_end(text: str, place: int) -> int:
    """Return the end of the line that holds a place."""
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def next_line(text: str, place: int) -> int:
    """Return the beginning of the first line at or after a place that is not blank."""
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return text.rfind("\n", 0, place) + 1


def _bare(text: str) -> str:
    text = text.strip()
    first, final = text.partition("\n")[0].strip(), text.rpartition("\n")[2].strip()
    if first == final and set(first) in ({"-"}, {"="}, {"*"}, {"_"}) and len(text) > 2 * len(first):
        text = text[len(first) : -len(first)].strip()
    for quotes in _QUOTES:
        if len(text) > 2 * len(quotes) and text.startswith(quotes) and text.endswith(quotes):
            return text[len(quotes) : -len(quotes)].strip()
    return text
