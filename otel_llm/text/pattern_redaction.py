"""The ready patterns of redaction: each returns a text with its findings replaced, in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from otel_llm.text.account_numbers import find_cards, find_ibans
from otel_llm.text.command_secrets import find_command_secrets
from otel_llm.text.emails import find_emails
from otel_llm.text.keys import find_keys
from otel_llm.text.labelled_secrets import find_labelled_secrets
from otel_llm.text.phones import find_phones
from otel_llm.text.readings import find_in_readings

Spans = Iterable[tuple[int, int]]


def redact_keys(text: str) -> str:
    """Return the text with `[key]` for API keys, tokens, private key blocks and passwords.

    A password counts in a URL, in a command, or beside a word that says what it is.
    """
    return _replaced(text, _find_secrets, "[key]")


def redact_labelled(label: str, text: str) -> str:
    """Return the text, the value of a field with this label, with `[key]` for what the label says is a secret."""
    before = f"{label}: "

    def find(text: str) -> Spans:
        return (
            (max(0, start - len(before)), end - len(before))
            for start, end in find_labelled_secrets(before + text)
            if end > len(before)
        )

    return _replaced(text, find, "[key]")


def redact_ibans(text: str) -> str:
    """Return the text with `[iban]` for account numbers of their country's length whose check digits are right."""
    return _replaced(text, find_ibans, "[iban]")


def redact_cards(text: str) -> str:
    """Return the text with `[card]` for numbers of a card network's range and length that pass the Luhn check."""
    return _replaced(text, find_cards, "[card]")


def redact_emails(text: str) -> str:
    """Return the text with `[email]` for addresses."""
    return _replaced(text, find_emails, "[email]")


def redact_phones(text: str) -> str:
    """Return the text with `[phone]` for numbers in the usual forms of phone numbers.

    A bare row of digits counts only after a word such as "phone" or "call".
    """
    return _replaced(text, find_phones, "[phone]")


PATTERNS: Final[dict[str, Callable[[str], str]]] = {
    "key": redact_keys,  # first, because a key may contain text that looks like another kind
    "iban": redact_ibans,
    "card": redact_cards,
    "email": redact_emails,
    "phone": redact_phones,
}
"""The patterns by name in the setting, in the order of application."""
_OF_DIGITS: Final = frozenset({"iban", "card", "phone"})
_DIGITS: Final = re.compile(r"(?:\D*+\d){7}")  # the least that any of these numbers has


def redact_patterns(names: Iterable[str]) -> Callable[[str], str]:
    """Return a function that applies the patterns of these names, in order."""
    named = [(PATTERNS[name], name in _OF_DIGITS) for name in names]

    def redact(text: str) -> str:
        has_digits = _DIGITS.match(text) is not None  # one pass in place of one for each kind of number
        for function, needs_digits in named:
            if has_digits or not needs_digits:
                text = function(text)
        return text

    return redact


def _find_secrets(text: str) -> Spans:
    return chain(find_keys(text), find_labelled_secrets(text), find_command_secrets(text))


def _replaced(text: str, find: Callable[[str], Spans], replacement: str) -> str:
    """Return the text with the replacement for what is found in any reading of it."""
    spans = find_in_readings(find, text)
    if not spans:
        return text
    kept: list[str] = []
    position = 0
    for start, end in _united(spans):
        kept += (text[position:start], replacement)
        position = end
    return "".join((*kept, text[position:]))


def _united(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans, which come in order, with overlapping ones as one."""
    start, end = -1, -1
    for first, last in spans:
        if first >= end:
            if end > 0:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if end > 0:
        yield start, end
