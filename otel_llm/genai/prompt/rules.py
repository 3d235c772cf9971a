"""Prompts whose context is between lines of dashes or other signs, as in LlamaIndex and LangChain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from otel_llm.genai.prompt.headings import (
    AFTER_CONTEXT,
    ANSWER,
    ASKED,
    CONTEXT,
    INTRODUCTION,
    PREVIOUS,
    QUESTION,
    REQUEST,
    RULE,
    last,
)
from otel_llm.genai.prompt.parts import SplitPrompt, documents_of, next_line, question_of, without_end

INTRODUCTION_CHARACTERS: Final = 1_000
"""Characters before a context in which words announce it."""

_BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")


def split_rules(text: str, *, is_open: bool = False) -> SplitPrompt | None:
    """Split at lines of dashes; of several such sections the last counts, for those before it are examples.

    `is_open`: True if the context may go on to the end of the text.
    """
    rules = list(RULE.finditer(text))
    number, before, found = 0, 0, None
    while number < len(rules):
        opening = rules[number]
        introduction = text[max(before, opening.start() - INTRODUCTION_CHARACTERS) : opening.start()]
        before, number = opening.end(), number + 1
        if not _announces(introduction):
            continue
        closing = _closing(text, rules, number)
        found = opening, introduction, closing
        if closing is None:
            break
        before, number = rules[closing].end(), closing + 1
    if found is None:
        return None
    opening, introduction, closing = found
    if closing is None:
        return _open_section(text, opening, introduction, is_open=is_open)
    section = text[opening.end() : rules[closing].start()]
    return SplitPrompt(documents_of(section), _asked(introduction, text[rules[closing].end() :]))


def _closing(text: str, rules: Sequence[re.Match[str]], begin: int) -> int | None:
    """Return the number of the rule that ends a section: before the words of a template, else the last equal one.

    `begin`: the number of the rule behind the one that begins the section.
    """
    line, end = rules[begin - 1][0].strip(), None
    for number in range(begin, len(rules)):
        if rules[number][0].strip() == line:
            end = number
            after = rules[number].end()
            if AFTER_CONTEXT.match(text, after):
                break
            if any(mark.match(text, next_line(text, after)) for mark in (QUESTION, PREVIOUS, ANSWER, REQUEST)):
                break
    return end


def _open_section(text: str, opening: re.Match[str], introduction: str, *, is_open: bool) -> SplitPrompt | None:
    question = last(QUESTION, text, opening.end())
    if question:
        return SplitPrompt(
            documents_of(text[opening.end() : question.start()]), question_of(text[question.start() :])
        )
    if is_open:
        return SplitPrompt(documents_of(without_end(text[opening.end() :])), introduction)
    return None


def _asked(introduction: str, after: str) -> str:
    """Return the question beside a section: behind it, or before it."""
    if heading := QUESTION.search(after) or REQUEST.search(after):
        return question_of(after[heading.start() :])
    if asked := ASKED.search(after):
        return after[asked.end() :].strip()
    if asked := ASKED.search(introduction):
        return introduction[asked.end() :].partition("\n")[0].strip()
    if heading := last(QUESTION, introduction):
        return question_of(introduction[heading.start() :])
    end = PREVIOUS.search(after)
    rest = after[: end.start()] if end else after
    if AFTER_CONTEXT.match(rest) is None:
        return rest.strip()
    # Spring AI's template has the question above the words that announce the context
    blank_line = last(_BLANK_LINE, introduction.rstrip()) if rest.strip() else None
    return introduction[: blank_line.start()].strip() if blank_line else ""


def _announces(introduction: str) -> bool:
    """Return True if the words before a line of dashes announce a context."""
    stripped = introduction.rstrip()
    # in the last paragraph: a document that holds such a line comes after a blank one
    if not stripped or INTRODUCTION.search(stripped, stripped.rfind("\n\n") + 1):
        return bool(stripped)
    begin = stripped.rfind("\n") + 1
    heading = CONTEXT.match(stripped, begin)
    # LangChain's prompts with sources have the question before the first line of signs
    return (heading is not None and heading.end() == len(stripped)) or stripped[begin:].startswith("QUESTION:")
