"""Prompts whose parts have names or marks: DSPy's, Semantic Kernel's, lines such as "=== CONTEXT ==="."""

from __future__ import annotations

import re
from typing import Final

from otel_llm.genai.prompt.headings import BEGIN, END, RULE, last
from otel_llm.genai.prompt.parts import SplitPrompt, documents_of, question_of

_FIELD: Final = re.compile(r"^\[\[ ## (\w{1,60}) ## \]\][ \t]*$", re.MULTILINE)
"""A field in a prompt of DSPy."""
_FIELDS_OF_CONTEXT: Final = re.compile(
    r"(?:\w+_)?(?:contexts?|passages?|documents?|docs|sources|evidence|background|references|chunks|knowledge)",
    re.IGNORECASE,
)
_FIELDS_END: Final = re.compile(r"\n\s*Respond with the corresponding output fields\b")
_VALUE: Final = re.compile(r"^[ \t]*(?:Value|Contents?):[ \t]*", re.MULTILINE)
"""The text of a search result in a prompt of Semantic Kernel."""
_LINK: Final = re.compile(r"^[ \t]*Link:[^\n]*$", re.MULTILINE)
_CITE: Final = re.compile(r"^[ \t]*Include citations\b[^\n]*$", re.MULTILINE)


def split_fields(text: str) -> SplitPrompt | None:
    """Return the parts of a prompt of DSPy; None for any other prompt."""
    fields = list(_FIELD.finditer(text)) if "[[ ## " in text else []
    ends = [*(field.start() for field in fields), len(text)][1:]
    values = [(field[1], text[field.end() : end]) for field, end in zip(fields, ends, strict=True)]
    contexts = [value for name, value in values if _FIELDS_OF_CONTEXT.fullmatch(name)]
    others = [_FIELDS_END.split(value)[0] for name, value in values if not _FIELDS_OF_CONTEXT.fullmatch(name)]
    if not contexts or not others:
        return None
    return SplitPrompt(documents_of(*contexts), "\n".join(other.strip() for other in others if other.strip()))


def split_results(text: str) -> SplitPrompt | None:
    """Return the parts of a prompt with search results of Semantic Kernel; None for any other prompt."""
    final = last(RULE, text) if _LINK.search(text) else None
    if final is None:
        return None
    sections = [section for section in text[: final.start()].split(final[0]) if section.strip()]
    values = [_VALUE.search(section) for section in sections]
    if not values or not all(values):
        return None
    texts = [
        _LINK.sub("", section[value.end() :]) for section, value in zip(sections, values, strict=True) if value
    ]
    return SplitPrompt(documents_of(*texts), question_of(_CITE.sub("", text[final.end() :])))


def split_marks(text: str) -> SplitPrompt | None:
    """Return the parts of a prompt with lines that begin and end the context; None for any other prompt."""
    begin = BEGIN.search(text)
    end = END.search(text, begin.end()) if begin else None
    if (
        begin is None
        or end is None
        or (begin[1] or begin[2]).lower() != (end[1] or end[2]).lower()
        or begin[0].strip() == end[0].strip()
    ):
        return None
    before, after = text[: begin.start()].strip(), text[end.end() :].strip()
    return SplitPrompt(documents_of(text[begin.end() : end.start()]), question_of(after or before))
