"""The context in a prompt, told from the question by the delimiters of the templates that frameworks ship.

docs/dialects.md has the table of the templates. Each form needs a delimiter on both sides of the context, or the
context at the end of instructions: words such as "context" in a question divide nothing.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from otel_llm.genai.prompt.fields import split_fields, split_marks, split_results
from otel_llm.genai.prompt.headed import HEAD_CHARACTERS, after_introduction, split_headings
from otel_llm.genai.prompt.headings import CONTEXT, FETCHED, FOLLOWS, INTRODUCTION, last
from otel_llm.genai.prompt.parts import SplitPrompt, documents_of, question_of, without_end
from otel_llm.genai.prompt.rules import INTRODUCTION_CHARACTERS, split_rules
from otel_llm.genai.prompt.tags import context_elements

_ENDS: Final = re.compile("\r\n?|[\u0085\u2028\u2029]")
_SPACES: Final = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f", " "))


def split_prompt(text: str) -> SplitPrompt:
    """Return the context section and the question of a prompt that delimits its context.

    The forms, in the order of trial: tags, fields of DSPy, results of Semantic Kernel, lines such as
    "=== CONTEXT ===", lines of dashes below words that announce a context, headings, words that announce a context
    above the heading of a question. A prompt with only the heading of a context is not split: the end of its
    context is unknown.
    """
    lines = _lines(text)
    for split in (_split_tags, split_fields, split_results, split_marks, split_rules, split_headings):
        if found := split(lines):
            return found
    return SplitPrompt((), text)


def context_of_instructions(text: str) -> tuple[str, ...]:
    """Return the texts of the context in system instructions, which may go on to their end; empty without one."""
    text = _lines(text)
    closed = _split_tags(text) or split_marks(text) or split_rules(text, is_open=True) or split_headings(text)
    if found := closed:
        return found.documents
    announced = last(FOLLOWS, text[:HEAD_CHARACTERS])
    if announced:
        return documents_of(without_end(text[after_introduction(text, announced) :]))
    heading = FETCHED.search(text)
    if heading is None:
        return ()
    section = text[heading.end() :]
    next_heading = re.search(r"^#{1,6} ", section, re.MULTILINE) if "#" in heading[0] else None
    return documents_of(without_end(section[: next_heading.start()] if next_heading else section))


def _lines(text: str) -> str:
    """Return the text with the line ends and spaces that the patterns of headings expect."""
    return text if text.isascii() and "\r" not in text else _ENDS.sub("\n", text).translate(_SPACES)


def _split_tags(text: str) -> SplitPrompt | None:
    elements = context_elements(text)
    if not elements:
        return None
    documents = documents_of(*(text[element.inner : element.inner_end] for element in elements))
    first, final = elements[0], elements[-1]
    before, after = text[: first.start].strip(), text[final.end :].strip()
    between = (text[one.end : other.start].strip() for one, other in pairwise(elements))
    if after and INTRODUCTION.search(before[-INTRODUCTION_CHARACTERS:]):
        before = ""  # instructions of the template
    elif INTRODUCTION.search(before, before.rfind("\n") + 1):
        before = before[: max(0, before.rfind("\n"))].rstrip() or before
    heading = CONTEXT.match(before, before.rfind("\n") + 1)
    if heading and heading.end() == len(before):
        before = before[: heading.start()].rstrip()
    rest = "\n".join(part for part in (before, *between, after) if part)
    return SplitPrompt(documents, question_of(rest))
