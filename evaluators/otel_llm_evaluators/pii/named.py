"""Names of people beside a label: "Name: …", a row or a column of a table, an element of XML, a field of JSON.

What a bare "name" labels may be anything, a workflow or a product: the lists of names decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otel_llm.evaluate.api import listed, places_of, table_columns
from otel_llm_evaluators.pii.names import Lists, read_lists

_LISTS: Final = Path(__file__).with_name("names.json.gz")
_STEMS: Final = (
    "name", "patient", "customer", "cardholder", "account", "applicant", "contact", "nombre", "apellido", "nom",
    "cognome", "nome", "naam", "navn", "namn",
)  # fmt: skip
_KIND: Final = (
    r"(?i:(?P<kind>full|first|last|middle|maiden|given|family|birth|customer|client|patient|employee|contact|guest"
    r"|applicant|tenant|passenger|student|cardholder|holder|legal|sur|fore|vor|nach|user)[ _-]?)?"
)
_LABEL: Final = (
    r"(?i:name|patient|customer|cardholder|account[ _-]?holder|applicant|contact[ _-]?person|nombre|apellidos?|nom"
    r"|cognome|nome|naam|navn|namn)"
)
_WORD: Final = r"(?![a-z])[^\W\d_]+(?:['\u2019-][^\W\d_]+)*"
_VALUE: Final = (
    rf"(?P<value>{_WORD}(?:[ ](?:(?![a-z])[^\W\d_]\.|{_WORD}|(?:van|von|de|der|den|la|le|bin|al)(?=[ ]))){{0,3}})"
    r"(?![\w(\[=/@]|[.:]\w)"
)
_BEGIN: Final = re.compile(
    rf"""(?:\A|[\n|<{{,;>])[ \t>*_~`"'#\\-]{{0,10}}(?:\d{{1,2}}[.)] [*_`]{{0,3}})?{_KIND}\Z"""
)
_BEFORE: Final = 40
_EDGES: Final = frozenset("\n|<{,;>")
_LABELLED: Final = re.compile(
    rf"""(?P<label>{_LABEL})
    (?:["'`*_~\\]{{0,6}}[ \t]{{0,3}}(?:[:\uff1a=]|\|)
      |(?:\s{{0,8}}</[A-Za-z]\w{{0,11}}>){{1,2}}(?=\s{{0,8}}<)|>)
    [ \t*_~`"'\\>]{{0,8}}(?:\s{{0,8}}<[A-Za-z]\w{{0,11}}>[ ]?){{0,2}}{_VALUE}""",
    re.VERBOSE,
)
_HEADING: Final = re.compile(rf"{_KIND}(?P<label>{_LABEL})")
_CELL: Final = re.compile(rf"[*_~`]{{0,3}}{_VALUE}")
# words of settings that are in no list, beside names such as Max
_TECHNICAL: Final = listed(
    "api cache cluster config dashboard email endpoint id input key metadata namespace node output pipeline plugin"
    " prompt retries timeout token tokens url value webhook width workflow"
)
_NOBODY: Final = listed("your user assistant chatgpt claude gemini copilot siri alexa bard first last none")

# fields of a person, beside which an unknown name is one
_RECORD: Final = re.compile(r"(?i)\b(?:phone|address|e-?mail|age|born|birth|dob|gender|occupation|ssn|passport)\b")
_AROUND: Final = 80
_ANYBODY: Final = frozenset({"doe", "mustermann"})  # of John Doe, who stands for anybody


NAMED_MARK: Final = (
    r"(?im)(?:name|patient|customer|cardholder|holder|applicant|person|nombre|apellidos?|nom|nome|naam|navn|namn)"
    r"[\"'`*_~\\]{0,6}[ \t]{0,3}(?:[:=|<>]|\x{ff1a})"
)
"""Pattern of RE2 that each label with its separator contains."""


def find_named(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each person's name beside a label or below the heading of a column."""
    for place in places_of(text, _STEMS):
        found = _LABELLED.match(text, place)
        begin = _BEGIN.search(text[max(0, place - _BEFORE) : place]) if found else None
        if found is None or begin is None or (begin.start() == 0 < place - _BEFORE and begin[0][:1] not in _EDGES):
            continue
        start, end = found.span("value")
        around = text[max(0, place - _AROUND) : found.start("value")] + text[end : end + _AROUND]
        if _is_person(found["value"], found["label"], begin["kind"], is_record=_RECORD.search(around) is not None):
            yield start, end
    for heading, start, end in table_columns(text):
        label = _HEADING.fullmatch(heading)
        cell = _CELL.match(text, start, end) if label else None
        if label and cell and _is_person(cell["value"], label["label"], label["kind"], is_record=False):
            yield cell.span("value")


def _is_common(word: str, lists: Lists) -> bool:
    common = word in _TECHNICAL or word in lists.common or word.removesuffix("s") in lists.common
    return common and word not in lists.first and word not in lists.last


def _is_person(value: str, label: str, kind: str | None, *, is_record: bool) -> bool:
    words = [word for word in value.lower().split() if len(word.rstrip(".")) > 1]
    if not words or words[0] in _NOBODY or words[-1] in _ANYBODY or not value[0].isupper():
        return False
    lists = read_lists(_LISTS)
    if any(_is_common(word, lists) for word in words):
        return False
    if is_record and len(words) > 1:
        return True
    if kind and kind.lower() != "user":
        return True
    first = words[0] in lists.first and (words[0] not in lists.common or len(words) > 1)
    # a label in lower case is rather a key of a configuration
    surname = len(words) > 1 and words[-1] in lists.last and "N" in label
    return first or surname
