"""Statements that the documents lack something: "The context does not mention the price."

Such a statement is right if the documents lack it, so it is no claim that they must have.
"""

from __future__ import annotations

import re
from typing import Final

from otel_llm.evaluate.api import words

_TEXT: Final = (
    r"(?:contexts?|documents?|documentation|docs|texts?|passages?|sources?|excerpts?|snippets?|materials?"
    r"|articles?"
    r"|files?|knowledge base|content|pages?|search results?|paragraphs?)"
)
_BROAD: Final = (
    r"(?:information|polic(?:y|ies)|manual|handbook|guide|leaflet|faqs?|data|terms|website|description|it|they)"
)
_BEFORE: Final = (
    r"(?:(?:the|this|these|your|my|our|any of the|any)\s)?(?:(?:provided|given|supplied|available|above|following"
    r"|retrieved|attached|uploaded|relevant|source|reference|context|product|shared)\s){0,3}"
)
_AFTER: Final = (
    r"(?:\s(?:provided|given|supplied|available|above|at hand|(?:that\s)?(?:you|i|we)(?:'ve|\shave|\swas|\swere)?"
    r"(?:\s(?:provided|given|gave|shared|access to|found|received))?|(?:was|were|is|are)\s(?:provided|given"
    r"|shared)))?"
)
_SOURCE: Final = rf"{_BEFORE}{_TEXT}{_AFTER}"
_ANY: Final = rf"{_BEFORE}(?:{_TEXT}|{_BROAD}){_AFTER}"
_IN_SOURCE: Final = rf"\b(?:in|within|from|by|based on|among|according to|anywhere in)\s{_ANY}(?!\w)"
_NOT: Final = (
    r"(?:(?:does|do|did)\snot|doesn't|don't|didn't|never)"
    r"(?:\s(?:explicitly|specifically|directly|actually|seem to|appear to|even|clearly|really))?"
)
_CANNOT: Final = (
    r"(?:do not|don't|did not|didn't|could not|couldn't|cannot|can not|can't|(?:am|was|were|are)?\s?(?:unable"
    r"|not able) to"
    r"|'m (?:unable|not able) to|wasn't able to)"
)
_THING: Final = (
    r"(?:(?:any|specific|further|more|enough|sufficient|explicit|direct|detailed|relevant|clear|exact"
    r"|other)\s){0,3}"
    r"(?:information|info|details?|data|mention|references?|indication|answers?|evidence|anything|nothing)\b"
    r"(?:\s(?:(?:available\s)?(?:about|on|regarding|of|concerning|for|related to|as to|to)\b|that answers\b))?"
)
_TELLS: Final = (
    r"(?:mention|say|state|specify|indicate|tell|explain|reveal|clarify|disclose|refer to|define|talk about"
    r"|discuss"
    rf"|describe|address|make {_THING}|(?:provide|contain|include|have|give|offer) {_THING})"
)
_LEAD: Final = r"\W*(?:(?:as|since|because|so|and|but|though|although|while)\s)?"
_LACKING: Final = [
    re.compile(_LEAD + form, re.IGNORECASE)
    for form in (
        rf"{_ANY}\s{_NOT}\s{_TELLS}\b(?:\s{_THING})?",
        rf"{_SOURCE}\s{_NOT}\s(?:contain|include|provide|cover|list|give|have|answer|detail)\b(?:\s{_THING})?",
        rf"{_ANY}\s(?:contains?|includes?|provides?|gives?|has|have|makes?|offers?)\s(?:no\s)?(?<=no\s){_THING}",
        rf"{_ANY}\s(?:(?:is|are)\s(?:silent|unclear)\s(?:on|about|as to)|(?:says?|mentions?|states?)\snothing)\b"
        r"(?:\s(?:about|on|of|regarding)\b)?",
        rf"there(?:'s|\sis|\sare|\swas|\swere)(?:\sno|\snot|n't|\s(?=nothing))\s?{_THING}",
        rf"there(?:'s|\sis|\sare)(?:\sno|\snot|n't|\snothing)\b(?=.{{0,300}}?{_IN_SOURCE})",
        rf"(?:no\s{_THING}|nothing\b)(?=.{{0,300}}?(?:{_IN_SOURCE}|\b(?:provided|given|available|mentioned|made"
        rf"|found)\b))",
        rf"(?:i|we)\s?{_CANNOT}\s(?:find|see|locate|have|provide"
        rf"|give)\s(?:you\s)?(?:with\s)?(?:access to\s)?{_THING}",
        rf"i\s?{_CANNOT}\s(?:know|find|locate|determine|tell|say|answer)\b(?:\s(?:you|for sure)\b)?",
        rf"(?:i|we)\shave\sno\s(?:idea|{_THING})",
        r"(?:i'm|i am|we're|we are)\snot\s(?:sure|certain|aware)\b(?:\s(?:about|of)\b)?",
    )
]
"""Beginnings of such statements; what the documents are said to lack comes after them."""
_LACKED: Final = re.compile(
    rf"\b(?:is|are|was|were)(?:\s?n't|\snot)\s(?:(?:explicitly|specifically|directly|clearly)\s)?"
    rf"(?:(?:mentioned|specified|stated|indicated|disclosed|discussed|described|addressed)\b(?:\s{_IN_SOURCE})?"
    rf"|(?:given|provided|covered|included|listed|available|found|clear|answered|contained"
    rf"|part of)\s{_IN_SOURCE})",
    re.IGNORECASE,
)
_IN: Final = re.compile(_IN_SOURCE, re.IGNORECASE)
_ASKED: Final = re.compile(r"\bhow\s(?:long|much|many|often|far|big|large|heavy|old|high|fast)\b", re.IGNORECASE)
_GENERAL: Final = words(
    "information info details detail question answer whether anything something specific exact any sure that"
    " not know"
    " provided given available made found documents context currently topic subject request asked no nothing never"
).content
_CLAUSES: Final = re.compile(
    r"[,;:\u2013\u2014-]\s(?=(?:but|however|though|although|yet|as|since|because|so|only|and|it|they|the"
    r"|you)\b)|;\s",
    re.IGNORECASE,
)
_CHARACTERS: Final = 600


def clauses(sentence: str) -> list[str]:
    """Return the sentence in clauses if one says what the documents lack, else the sentence as one clause."""
    parts = [part for part in _CLAUSES.split(sentence) if part.strip()] if len(sentence) <= _CHARACTERS else []
    return parts if any(lacking(part) is not None for part in parts) else [sentence]


def lacking(clause: str) -> frozenset[str] | None:
    """Return the words of what the clause says the documents lack; None if it says no such thing."""
    if len(clause) > _CHARACTERS:
        return None
    clause = " ".join(clause.replace("’", "'").split())  # noqa: RUF001 - a typographic apostrophe
    if match := next((found for form in _LACKING if (found := form.match(clause))), None):
        topic = clause[match.end() :]
    elif match := _LACKED.search(clause):
        topic = f"{clause[: match.start()]} {clause[match.end() :]}"
    else:
        return None
    return words(_ASKED.sub(" ", _IN.sub(" ", topic))).content - _GENERAL
