"""Contexts between tags in a prompt, as in `<context>...</context>`."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

_ITEMS: Final = ("document", "doc", "source", "item", "result", "passage", "chunk", "snippet", "reference")
"""Tags around one document of several."""
_WRAPPERS: Final = (
    "context", "contexts", "documents", "docs", "sources", "passages", "references", "search_results", "chunks",
    "retrieved_context", "retrieved_documents", "additional_context", "information", "knowledge", "knowledge_base",
)  # fmt: skip
"""Tags around a whole context."""
_ALONE: Final = ("document", "doc", "source")
"""Tags of one document that some prompts write without a tag around them all."""
_CONTENTS: Final = ("document_content", "content", "text")
"""Tags around the text of a document, beside its title or address."""
_QUESTIONS: Final = ("question", "query", "user_question", "user_query", "user_input")
_KNOWN: Final = frozenset((*_WRAPPERS, *_ITEMS, *_CONTENTS)) | frozenset(
    {
        *("article", "aside", "blockquote", "body", "code", "div", "footer", "header", "html", "main", "section"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "head", "meta", "style", "script", "nav", "p", "pre", "title"),
        *("dl", "ol", "ul", "table", "tbody", "td", "th", "thead", "tr", "li", "figure", "details", "summary"),
        *("a", "b", "br", "em", "font", "hr", "i", "img", "link", "small", "span", "strong", "sub", "sup", "u"),
    }
)
"""Tags that a retrieved context may begin with: those of documents, and those of HTML."""
_TAG: Final = re.compile(
    rf"<(/?)({'|'.join(dict.fromkeys((*_WRAPPERS, *_ITEMS, *_CONTENTS, *_QUESTIONS)))})(?:\s[^<>]{{0,300}})?>",
    re.IGNORECASE,
)
_FIRST_TAG: Final = re.compile(r"\s*<([A-Za-z][\w.:-]{0,60})")
_FENCE: Final = "```"


class Element(NamedTuple):
    """A tag, its content and the closing tag, by places in the text."""

    name: str
    start: int
    inner: int
    inner_end: int
    end: int


def context_elements(text: str) -> list[Element]:
    """Return the elements of a text that hold a context, in its order; empty elements are among them.

    Tags in code are no delimiters: those in backticks, and elements that hold XML of another vocabulary.
    """
    if "</" not in text:
        return []
    elements = [
        element
        for element in outermost(_elements(text, frozenset((*_WRAPPERS, *_ALONE))))
        if _is_context(text, element)
    ]
    # a template may name its tags before it uses them: "inside <context></context> tags"
    return [element for element in elements if text[element.inner : element.inner_end].strip()] or elements


def documents_in(section: str) -> list[str]:
    """Return the texts of the tagged documents in a context; the whole context if it has no such tags."""
    if "</" not in section:
        return [section]
    items = outermost(_elements(section, frozenset(_ITEMS)))
    contents = outermost(_elements(section, frozenset(_CONTENTS)))
    if contents and not any(item.start < contents[0].start < item.end for item in items):
        items = contents  # one document, with its title or address beside its text
    return [_content(section[item.inner : item.inner_end]) for item in items] or [section]


def tagged_question(text: str) -> str | None:
    """Return the question between tags; None if no tags of a question are there."""
    questions = outermost(_elements(text, frozenset(_QUESTIONS))) if "</" in text else []
    return text[questions[-1].inner : questions[-1].inner_end].strip() if questions else None


def outermost(elements: list[Element]) -> list[Element]:
    """Return the elements that are not inside another one, in the order of the text."""
    kept: list[Element] = []
    for element in sorted(elements, key=lambda each: (each.start, -each.end)):
        if not kept or element.start >= kept[-1].end:
            kept.append(element)
    return kept


def _content(item: str) -> str:
    contents = outermost(_elements(item, frozenset(_CONTENTS)))
    return item[contents[0].inner : contents[0].inner_end] if contents else item


def _elements(text: str, names: frozenset[str]) -> list[Element]:
    """Return the elements of these names; of two openings before a closing, the one that begins a line counts."""
    found: list[Element] = []
    opened: dict[str, re.Match[str]] = {}
    for tag in _tags(text):
        name = tag[2].lower()
        if name not in names:
            continue
        if tag[1]:
            if opening := opened.pop(name, None):
                found.append(Element(name, opening.start(), opening.end(), tag.start(), tag.end()))
        elif name not in opened or not _begins_line(text, opened[name].start()):
            opened[name] = tag
    return found


def _tags(text: str) -> Iterator[re.Match[str]]:
    fences: list[int] = []
    place = text.find(_FENCE)
    while place >= 0:
        fences.append(place)
        place = text.find(_FENCE, place + len(_FENCE))
    for tag in _TAG.finditer(text):
        in_code = bisect_left(fences, tag.start()) % 2 == 1 and bisect_left(fences, tag.end()) < len(fences)
        if not in_code and text[tag.start() - 1 : tag.start()] != "`" and text[tag.end() : tag.end() + 1] != "`":
            yield tag


def _is_context(text: str, element: Element) -> bool:
    if element.name in _ALONE and not _begins_line(text, element.start):
        return False
    first = _FIRST_TAG.match(text, element.inner, element.inner_end)
    return first is None or first[1].lower() in _KNOWN


def _begins_line(text: str, place: int) -> bool:
    return not text[text.rfind("\n", max(0, place - 80), place) + 1 : place].strip() if place else True
