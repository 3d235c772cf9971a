"""The ready patterns of redaction: each returns a text with its findings replaced, in linear time.

Every quantifier is bounded or possessive, so that no text can make a pattern backtrack without end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from otel_llm.text.check_digits import IBAN_LENGTHS, card, iban

# Tokens that name their issuer: from the issuers' documentation, and from secret scanners such as gitleaks.
_KEYS: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?:
    (?:sk|rk|pk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{16,}      # Stripe, and others that copied it
    |sk-(?=[A-Za-z_-]{0,40}[0-9])[\w-]{20,}                     # OpenAI, Anthropic, OpenRouter, DeepSeek, LiteLLM
    |gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}
    |(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])         # AWS
    |AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}           # Google
    |xox[abeoprs](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}     # Slack
    |(?:hf|gsk|r8|fw|npm)_[A-Za-z0-9]{20,}                      # Hugging Face, Groq, Replicate, Fireworks, npm
    |(?:xai|pplx|nvapi|csk|tvly|pcsk|lsv2|dapi|pypi)[_-]?(?=[A-Za-z_-]{0,40}[0-9])[\w-]{24,}
    |SG\.[\w-]{16,}\.[\w-]{16,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|(?:dop|doo|dor)_v1_[a-f0-9]{64}
    |hv[sbr]\.[\w-]{24,}|dckr_pat_[\w-]{20,}|ATATT3[\w=-]{20,}|ntn_[A-Za-z0-9]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{50,}
    )""",
    re.VERBOSE | re.ASCII,
)
# JSON web tokens. The part before the last `.` is checked first, once: without this check, each `eyJ` in a long
# row of `eyJ` would be tried to the end of the row.
_TOKENS: Final = re.compile(
    r"(?<![\w-])(?=[\w-]{11,}+\.eyJ[\w-]{8,}+\.)([\w-]*?)(?<![A-Za-z0-9])"
    r"eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]*+",
    re.ASCII,
)
# each token contains one of these: to look for them first takes a tenth of the time
_KEY_MARKS: Final = (
    "sk_", "rk_", "pk_", "whsec_", "sk-", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-",
    "AKIA", "ASIA", "ABIA", "ACCA", "AIza", "ya29.", "GOCSPX-", "xox", "xapp-", "hf_", "gsk_", "r8_", "fw_",
    "npm_", "xai", "pplx", "nvapi", "csk", "tvly", "pcsk", "lsv2", "dapi", "pypi", "SG.", "shp", "_v1_", "hvs.",
    "hvb.", "hvr.", "dckr_pat_", "ATATT3", "ntn_", "AGE-SECRET-KEY-1",
)  # fmt: skip
# one cheap search, before a pattern with many branches
_LONG_WORD: Final = re.compile(r"[\w.~+/=-]{18,}+", re.ASCII)
_PEM: Final = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"[^-]*+(?:-(?!----END)[^-]*+)*+"  # to the end of the text if there is no end mark: the text may have been cut
    r"(?:-----END [A-Z0-9 ]{0,60}-----)?"
)
_AUTHORIZATION: Final = re.compile(
    r"\b([Bb]earer|[Bb]asic)(\s{1,3})(?=[A-Za-z_.~+/-]{0,60}[0-9=])[\w.~+/-]{16,}+=*+"
)
_IN_URL: Final = re.compile(r"://([^\s:/?#@]{0,64}):[^\s/?#@]{1,256}@")

_EMAIL: Final = re.compile(
    r"(?<![\w.%+-])[\w.%+'-]{1,64}@"
    r"(?:[^\W_][\w-]{0,62}\.){1,8}(?!(?:png|jpe?g|gif|svg|webp|css|js|ts)\b)[^\W\d_]{2,63}(?![\w@])"
)

_DIGITS: Final = re.compile(r"\d(?:[ -]?\d){11,}+", re.ASCII)
_GROUP: Final = re.compile(r"\d+", re.ASCII)
# begins with a digit, which is rare: the search for a digit is fast
_IBAN_DIGITS: Final = re.compile(r"\d\d(?<=(?<![A-Za-z0-9])[A-Za-z]{2}\d\d)(?=[ -]?[A-Za-z0-9])", re.ASCII)
_IBAN_REST: Final = re.compile(r"(?:[ -]?[A-Za-z0-9]){11,30}", re.ASCII)
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
_CALLED_WIDTH: Final = 40
_BEYOND: Final = 40
_DATE: Final = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{2,4}(?!\1|\d)", re.ASCII)


def redact_keys(text: str) -> str:
    """Return the text with `[key]` for API keys, tokens, private key blocks and passwords in URLs."""
    if "PRIVATE KEY" in text:
        text = _PEM.sub("[key]", text)
    if "earer" in text or "asic " in text:
        text = _AUTHORIZATION.sub(r"\1\2[key]", text)
    if "://" in text and "@" in text:
        text = _IN_URL.sub(r"://\1:[key]@", text)
    if ".eyJ" in text:
        text = _TOKENS.sub(r"\1[key]", text)
    if any(mark in text for mark in _KEY_MARKS):
        text = _LONG_WORD.sub(lambda word: _KEYS.sub("[key]", word[0]), text)
    return text


def redact_ibans(text: str) -> str:
    """Return the text with `[iban]` for account numbers of their country's length whose check digits are right."""
    return _replaced(text, find_ibans(text), "[iban]")


def redact_cards(text: str) -> str:
    """Return the text with `[card]` for numbers of a card network's range and length that pass the Luhn check."""
    return _replaced(text, find_cards(text), "[card]")


def redact_emails(text: str) -> str:
    """Return the text with `[email]` for addresses."""
    return _EMAIL.sub("[email]", text) if "@" in text else text


def redact_phones(text: str) -> str:
    """Return the text with `[phone]` for numbers in the usual forms of phone numbers.

    A bare row of digits counts only after a word such as "phone" or "call".
    """
    return _replaced(text, find_phones(text), "[phone]")


PATTERNS: Final[dict[str, Callable[[str], str]]] = {
    "key": redact_keys,  # first, because a key may contain text that looks like another kind
    "iban": redact_ibans,
    "card": redact_cards,
    "email": redact_emails,
    "phone": redact_phones,
}
"""The patterns by name in the setting, in the order of application."""


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


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each address, in order."""
    if "@" in text:
        yield from (address.span() for address in _EMAIL.finditer(text))


def find_phones(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each phone number, in order."""
    position = 0
    for row in _ROW.finditer(text):
        for start, end in _phones(text, row):
            if start >= position:
                yield start, end
                position = end


def _replaced(text: str, spans: Iterable[tuple[int, int]], replacement: str) -> str:
    kept: list[str] = []
    position = 0
    for start, end in spans:
        kept += (text[position:start], replacement)
        position = end
    return "".join((*kept, text[position:]))


def _phones(text: str, row: re.Match[str]) -> list[tuple[int, int]]:
    """Return start and end of each phone number in a row of digits."""
    if _DATE.fullmatch(row[0]):
        return []
    before = text[max(0, row.start() - _CALLED_WIDTH) : row.start()]
    start = row.start() - (len(before) - len(before.rstrip("+(")))
    # the longest reach of a number that begins in the row, and the text after it
    matches = _PHONE.finditer(text, start, row.end() + _BEYOND)
    found = [match.span() for match in matches if match.start() < row.end()]
    if (
        not found
        and len(row[0]) <= 24
        and not text[row.end() : row.end() + 1].isalnum()
        and _CALLED.search(before)
    ):
        found = [row.span()]
    return [
        (first, last)
        for first, last in found
        if not _DATE.match(text, first) and 7 <= sum(map(str.isdigit, text[first:last])) <= 20
    ]


def _card_end(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Return the last group of the card's number that begins with the first group; None without such a number."""
    digits, found = "", None
    for last in range(first, min(first + 19, len(groups))):
        digits += text[slice(*groups[last])]
        if len(digits) > 19:
            break
        if len(digits) >= 12 and card(digits):
            found = last
    return found


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
