"""Places of phone numbers in a text, in linear time.

Every quantifier is bounded or possessive, so that no text can make a pattern backtrack without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# every phone number is in a row of seven digits or more; texts without such a row are returned at once
_ROW: Final = re.compile(r"\d(?:[ ().\-/]{0,3}+\d){6,}+", re.ASCII)
_PHONE: Final = re.compile(
    r"""(?:
    # international: +43 1 58858-0, +1 (212) 555-0123
    (?<![\w+])\+[1-9]\d{0,2}(?:[ ().\-/]{0,3}\d){7,13}(?!\d)
    # North America: (212) 555-0123, 212-555-0123, 1-212-555-0123
    |(?<![\w.+-])(?:1[ .-])?
     (?:\([2-9]\d\d\)[ -]?\d{3}[ .-]|[2-9]\d\d(?:-\d{3}-|\.\d{3}\.|[ ]\d{3}-))\d{4}(?!\d|[.-]\d)
    # international with 00, and national with a 0: 0043 1 58858, 020 7946 0958, 01.23.45.67.89, (089) 123 456
    |(?:(?<!\w)\(|(?<!\d[ ])(?<![\w.,+/:(-]))
     0{1,2}[1-9]\d{0,3}\)?(?:[ /-]{1,2}\d{2,8}|\.\d{2}(?!\d)){1,5}(?![\w:]|[.,/-]\d)
    )(?:,?[ ]?(?:x|ext\.?)[ ]?\d{1,5})?""",
    re.VERBOSE | re.ASCII,
)
_CALLED: Final = re.compile(
    r"\b(?:(?:tele)?(?:phone|fon|fax)|tel|mobile?|cell|handy|whatsapp|call|sms|text)"
    r"(?:[ .:#]{1,3}(?:no|nr|number|is|at|on|us|me|to)\b){0,3}[ .:#]{1,4}\(?\Z",
    re.ASCII | re.IGNORECASE,
)
# in JSON, settings, Markdown and tables; "text" and "call" are names of other fields there
_LABELLED: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:tele|cell)?(?:phone|fon|fax)|tel|mobile|whatsapp|handy)(?:[ _-]?(?:no|nr|number))?"
    r"[\s.:#\"'=*_`|\\>]{1,10}\+?\(?\Z",
    re.ASCII | re.IGNORECASE,
)
_LABELLED_DIGITS: Final = 9  # fewer may be a number of things in a table
_CALLED_WIDTH: Final = 40
_BEYOND: Final = 40
_DATE: Final = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{2,4}(?!\1|\d)", re.ASCII)
# a timetable or opening hours: 0930 1015 1100, 06.12 06.42, 0900-1700
_HOUR: Final = r"(?:[01]\d|2[0-3])\.?[0-5]\d"
_TIMES: Final = re.compile(rf"{_HOUR}(?:-{_HOUR}|(?:[ -]{{1,3}}{_HOUR}){{2,}}+)", re.ASCII)


def find_phones(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each phone number, in order."""
    position = 0
    for row in _ROW.finditer(text):
        for start, end in _phones(text, row):
            if start >= position:
                yield start, end
                position = end


def _phones(text: str, row: re.Match[str]) -> list[tuple[int, int]]:
    """Return start and end of each phone number in a row of digits."""
    if _DATE.fullmatch(row[0]):
        return []
    before = text[max(0, row.start() - _CALLED_WIDTH) : row.start()]
    start = row.start() - (len(before) - len(before.rstrip("+(")))
    # the longest reach of a number that begins in the row, and the text after it
    matches = _PHONE.finditer(text, start, row.end() + _BEYOND)
    found = [match.span() for match in matches if match.start() < row.end()]
    called = _CALLED.search(before) is not None
    if not called and sum(map(str.isdigit, row[0])) >= _LABELLED_DIGITS:
        called = _LABELLED.search(before) is not None
    if not called and _TIMES.fullmatch(row[0]):
        return []
    if called and not found and len(row[0]) <= 24 and not text[row.end() : row.end() + 1].isalnum():
        found = [row.span()]
    return [
        (first, last)
        for first, last in found
        if not _DATE.match(text, first) and 7 <= sum(map(str.isdigit, text[first:last])) <= 20
    ]
