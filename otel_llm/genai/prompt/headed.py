"""Prompts with headings, and prompts whose context stands between words that announce it and a question."""

from __future__ import annotations

import re
from typing import Final

from otel_llm.genai.prompt.headings import (
    ANSWER_FROM,
    ASKED_LINE,
    CONTEXT,
    FOUND,
    INTRODUCTION,
    QUESTION,
    REQUEST,
    last,
)
from otel_llm.genai.prompt.parts import SplitPrompt, documents_of, line_end, next_line, question_of, without_end

HEAD_CHARACTERS: Final = 8_000
"""Characters at the beginning of a prompt in which words announce a context without tags, rules and headings."""
_INSTRUCTION: Final = re.compile(
    r"\n[ \t]*(?:[-*\d.]{1,3}[ \t]+)?"
    r"(?:always|answer|be|cite|do|don't|if|keep|make|never|only|please|respond|return|use|you)\b",
    re.IGNORECASE,
)
"""The beginning of a line of instructions behind the words that announce a context."""


def split_headings(text: str) -> SplitPrompt | None:
    """Return the parts of a prompt with the heading of a question; None for any other prompt."""
    question = last(QUESTION, text) or last(REQUEST, text) or last(ASKED_LINE, text)
    if question is None:
        return _after_question(text)
    if announced := INTRODUCTION.search(text[:HEAD_CHARACTERS]):
        begin = after_introduction(text, announced)
        is_before = QUESTION.match(text, next_line(text, begin)) is not None
        if begin <= question.start() and (not is_before or not CONTEXT.search(text, begin)):
            section = text[begin : question.start()]
            return SplitPrompt(documents_of(without_end(section)), question_of(text[question.start() :]))
    context = CONTEXT.search(text)
    if context is None:
        return None
    first = QUESTION.search(text) or REQUEST.search(text) or question
    if first.start() < context.start():
        return SplitPrompt(
            documents_of(without_end(text[context.end() :])), question_of(text[first.start() : context.start()])
        )
    context = _last_of_examples(text, context, question.start())
    return SplitPrompt(
        documents_of(without_end(text[context.end() : question.start()])), question_of(text[question.start() :])
    )


def _last_of_examples(text: str, first: re.Match[str], end: int) -> re.Match[str]:
    """Return the heading of the context; where examples come first, each with a question, that of the last one."""
    same = [each for each in CONTEXT.finditer(text, first.end(), end) if each[0].strip() == first[0].strip()]
    is_repeated = same and QUESTION.search(text, first.end(), same[-1].start())
    return same[-1] if is_repeated else first


def _after_question(text: str) -> SplitPrompt | None:
    """Return the parts of a prompt whose question has no heading, and whose context goes on to the end."""
    found, begin = FOUND.search(text) or ANSWER_FROM.search(text), 0
    # first the heading, which takes less time to look for
    if found is None and CONTEXT.search(text) and (announced := INTRODUCTION.search(text[:HEAD_CHARACTERS])):
        found, begin = CONTEXT.search(text, announced.end()), line_end(text, announced.end())
    question = text[begin : found.start()].strip() if found else ""
    return SplitPrompt(documents_of(without_end(text[found.end() :])), question) if found and question else None


def after_introduction(text: str, announced: re.Match[str]) -> int:
    """Return the place where the context begins that words announce."""
    end = line_end(text, announced.end())
    if not text[announced.end() : end].rstrip().endswith(":"):
        while _INSTRUCTION.match(text, end):
            end = line_end(text, end + 1)
    question = QUESTION.search(text, end)
    heading = CONTEXT.search(text, end, question.start() if question else len(text))
    return heading.end() if heading and "ource" not in heading[0] and "eference" not in heading[0] else end
