"""Places of bank cards' numbers and of IBANs in a text, in linear time.

Every quantifier is bounded or possessive, so that no text can make a pattern backtrack without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from otel_llm.text.check_digits import IBAN_LENGTHS, card, iban

_DIGITS: Final = re.compile(r"\d(?:[ -]?\d){11,}+", re.ASCII)
_GROUP: Final = re.compile(r"\d+", re.ASCII)
# begins with a digit, which is rare: the search for a digit is fast
_IBAN_DIGITS: Final = re.compile(r"\d\d(?<=(?<![A-Za-z0-9])[A-Za-z]{2}\d\d)(?=[ -]?[A-Za-z0-9])", re.ASCII)
_IBAN_REST: Final = re.compile(r"(?:[ -]?[A-Za-z0-9]){11,30}", re.ASCII)


def find_ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each account number, in order."""
    position = 0
    for digits in _IBAN_DIGITS.finditer(text):
        start = digits.start() - 2
        if start >= position and (end := _iban_end(text, start)) is not None:
            yield start, end
            position = end


def find_cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each bank card's number, in order, whatever digits are around it."""
    for run in _DIGITS.finditer(text):
        if text[run.start() - 1 : run.start()].isalnum() or text[run.end() : run.end() + 1].isalnum():
            continue
        groups = [group.span() for group in _GROUP.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last is not None:
                yield groups[first][0], groups[last][1]
            first = (first if last is None else last) + 1


def _card_end(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Return the last group of the card's number that begins with the first group; None without such a number."""
    digits, found = "", None
    lengths: list[int] = []
    for last in range(first, min(first + 19, len(groups))):
        digits += text[slice(*groups[last])]
        if len(digits) > 19:
            break
        if len(digits) >= 12 and _is_grouped(lengths) and card(digits):
            found = last
        lengths.append(groups[last][1] - groups[last][0])
    return found


def _is_grouped(lengths: Sequence[int]) -> bool:
    """Return True for the groups of one number, its last apart: a list of short numbers is none."""
    return len(set(lengths)) < 2 or min(lengths) > 2


def _iban_end(text: str, start: int) -> int | None:
    """Return the end of the account number that begins here; None if no number begins here."""
    length = IBAN_LENGTHS.get(text[start : start + 2].upper())
    rest = None if length is None else _IBAN_REST.match(text, start + 4)
    if length is None or rest is None:
        return None
    position, missing = start + 4, length - 4
    while missing and position < rest.end():
        missing -= text[position] not in " -"
        position += 1
    if missing or text[position : position + 1].isalnum():
        return None
    compact = text[start:position].replace(" ", "").replace("-", "").upper()
    return position if iban(compact) else None
