"""Lines that claim nothing: headings, and entries in a list of sources."""

from __future__ import annotations

import re
from typing import Final

from otel_llm.evaluate.api import words
from otel_llm_evaluators.groundedness.marks import FILE, item_mark

_HEADING_WORDS: Final = 10
_ENTRY_WORDS: Final = 25
_SOURCES_CHARACTERS: Final = 100
_STATES: Final = re.compile(
    r"\b(?:is|isn|are|aren|was|wasn|were|weren|be|been|has|hasn|have|haven|had|does|doesn|do|don|did|didn|can"
    r"|cannot"
    r"|could|will|won|would|must|may|might|should|shall|not|never|lasts?|costs?|covers?|includes?|excludes?|comes?"
    r"|contains?|gives?|gets?|takes?|offers?|supports?|allows?|requires?|needs?|makes?|made|runs?|opens?|closes?"
    r"|starts?|begins?|ends?|expires?|applies|apply|works?|holds?|weighs?|uses|provides?|keeps?|stays?|goes|say"
    r"|says"
    r"|said|states?|founded|invented|won|became|built|created|wrote|discovered|caused|causes|increased?"
    r"|decreased?)\b",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"\s*(?:what|which|who|whose|when|where|why|how|whether)\b", re.IGNORECASE)
_PLAIN_HEADING: Final = re.compile(
    r"\s*(?:(?:short|final|quick|direct|key|main|important|brief|executive|additional|more)\s)?(?:summary"
    r"|overview|answer"
    r"|conclusion|details?|notes?|points?|takeaways?|findings?|facts|information|introduction|background|context"
    r"|explanation|steps|tl;?dr|result|response)\s*:?\s*",
    re.IGNORECASE,
)
_HASHES: Final = re.compile(r"[ \t]{0,3}#{1,6}(?:[ \t]|$)")
_BOLD: Final = re.compile(r"\s*(?:[-+*\d.)]{1,4}\s+)?(\*{2,3}|__)[^*_\n]{1,200}\1\s*:?\s*")
_UNDERLINE: Final = re.compile(r"\s{0,3}(?:={3,}|-{3,})\s*")
_SOURCES: Final = re.compile(
    r"(?:list of )?(?:sources?|references?|citations?|footnotes?|bibliography|works cited"
    r"|further reading|see also"
    r"|(?:read|learn) more|links?|sources? (?:used|cited|documents?)|documents? (?:used|cited"
    r"|consulted))\s*(?P<mark>:|$)\s*",
    re.IGNORECASE,
)
# arrows, symbols, emoji
_BEFORE_TITLE: Final = re.compile(r"\A[ \t#\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]*")
_ADDRESS: Final = re.compile(
    rf"https?://\S{{1,2000}}|www\.\S{{1,500}}|{FILE}|\b(?:p|pp|pages?|sections?|chapters?|ch|sec|vol|edition"
    rf"|lines?)\.?\s?"
    rf"\d[\d.,\u2013-]{{0,12}}|§\s?\d[\d.]{{0,9}}",
    re.IGNORECASE,
)
_DEFINITION: Final = re.compile(r"[ \t]{0,3}\[\^?[\w-]{1,40}\]:[ \t]+")


def is_heading(line: str, plain: str, below: str) -> bool:
    """Return whether the line is a heading that claims nothing.

    Args:
        line: as it is in the answer.
        plain: without marks.
        below: next line.
    """
    title = plain.lstrip("# \t")[item_mark(plain.lstrip("# \t")) :].strip()
    if _PLAIN_HEADING.fullmatch(title):
        return True
    formed = (
        _HASHES.match(line) or _BOLD.fullmatch(line) or _UNDERLINE.fullmatch(below) or title.endswith((":", "?"))
    )
    return bool(formed) and names_only(title, _HEADING_WORDS)


def names_only(title: str, most: int) -> bool:
    """Return whether the text names something, in at most so many words, and states nothing of it."""
    if len(title) > 12 * most or title.endswith((".", "!")):
        return False
    read = words(title)
    if read.numbers or len(read.stems) > most:
        return False
    return bool(_ASKS.match(title)) or not _STATES.search(title)


def sources_heading(plain: str) -> int | None:
    """Return where the first source begins in the line, which is a heading of sources; None for another line."""
    title = _BEFORE_TITLE.sub("", plain, count=1)
    match = _SOURCES.match(title[:_SOURCES_CHARACTERS])
    if match is None or not (match["mark"] or match.end() == len(title)):
        return None
    return len(plain) - len(title) + match.end()


def definition_mark(line: str) -> int:
    """Return the length of the mark of a footnote or link that the line defines; 0 for another line."""
    return match.end() if (match := _DEFINITION.match(line)) else 0


def is_source(plain: str) -> bool:
    """Return whether a line in a list of sources only names a source: a file, an address, a title."""
    title = _ADDRESS.sub(" ", plain[item_mark(plain) :]).strip(" \t.,;:|()[]\"'“”–—-")  # noqa: RUF001 - dashes
    if not title:
        return True
    if len(title) > 12 * _ENTRY_WORDS or len(title.split()) > _ENTRY_WORDS:
        return False
    return not _STATES.search(title)
