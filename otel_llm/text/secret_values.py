"""Whether a value can be a secret: placeholders, code that reads one, words, versions and ids are none."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final, Literal

Label = Literal["password", "token", "key", "pin"]
"""Kind of the word beside a value: what the value must look like depends on it."""

_MIN_LENGTH: Final = 6
_BITS: Final = 2.4  # of entropy per character
# placeholders in documentation; random keys contain none of them
_PLACEHOLDER: Final = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3}|[\u2022\u25cf\u2026]|example|1234567|abcdef(?:gh|[^0-9a-f])|insert|secret$"
    r"|(?:^|[^a-z])(?:sample|dummy|placeholder|redacted|masked|change-?me|your|here|fake|foo|bar|todo)"
    r"|(?:key|token|secret|password)[-_ ]?(?:here|goes|\d{0,4}$)"
    r"|^(?:none|null|true|false|undefined|string|str|value|test\w*|pass\w{0,4}|passw(?:or)?d\w{0,4}|admin\w{0,4}|root"
    r"|user\w{0,4}|hunter2|guest|postgres|mysql|minioadmin|rabbitmq)$"
)
_IDENTIFIER: Final = r"(?:_*[A-Za-z]?[a-z]+\d{0,2}(?:[A-Z][a-z]+\d{0,2})*|_*[A-Z]+\d{0,2}|_*v?\d{1,2})"
_PATH: Final = rf"{_IDENTIFIER}(?:_{_IDENTIFIER}){{0,12}}_*"
# code in the place of a secret: variables, calls, templates, files
_CODE: Final = re.compile(
    r"\$\{|\$\(|\{\{|<%|^\$[A-Za-z_]\w*$|^%\w*%?$|^%\(|^@[A-Za-z_.]+$|^[!&*][A-Za-z]+$|^[<\[{(]"
    rf"|^{_PATH}(?:\??\.{_PATH}){{1,8}}\??$|^{_PATH}(?:\.{_PATH}){{0,8}}[(\[]"
    r"|^[A-Z]{2,}(?:_[A-Z0-9]+)+$|^(?:os|process|env|config|self|this|request|settings|props|args|params|data|ctx)\b[._]"
    r"|://|^(?:~|\.{1,2})/|^/(?:etc|var|usr|home|opt|run|tmp|srv|root|mnt|app|secrets?|data|dev|proc)/"
)
_WORDS: Final = re.compile(r"[A-Za-z]*[a-z]{3,}|[A-Z][a-z_]+|[A-Z_]+|[a-z_-]+|[^\W\d_]+(?:[-/'\u2019][^\W\d_]+)+")
# Base64-encoded, SHA-256/PBKDF2, OAuth2, String256
_METHOD: Final = (
    r"(?:base|sha|md|aes|rsa|utf|pbkdf|[bs]crypt|argon|[hre]s|oauth|saml|oidc|string|bytes)-?\d{0,4}(?:id)?"
)
_METHODS: Final = re.compile(rf"(?i){_METHOD}(?:[-/](?:{_METHOD}|[a-z]{{2,12}})){{0,4}}")
# versions, dates, times, sizes
_QUANTITY: Final = re.compile(r"[vV]?\d+(?:[.:/T-]\d+)*[A-Za-z%]{0,3}")
# names of models and files, versions beside a word: gpt-4o-2024-08-06, Qwen2.5-7B-Instruct, page-2-of-17
_PART: Final = r"(?:[A-Za-z]{2,}\d{0,2}(?:\.\d{1,2})?|[A-Za-z]?\d{1,8}(?:\.\d{1,3})?[A-Za-z]{0,2}|[A-Za-z])"
_NAME: Final = re.compile(rf"{_PART}(?:[-_./:]{_PART}){{1,12}}")
_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORD_IN_NAME: Final = re.compile(r"[A-Za-z]{3,}|\d{4}")
_CHANGE: Final = re.compile(r"(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]")
_DIGIT: Final = re.compile(r"\d")
_SPACE: Final = re.compile(r"\s")
_PIN: Final = re.compile(r"\d{4,8}")


def entropy(value: str) -> float:
    """Return the bits of Shannon entropy per character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def is_placeholder(value: str) -> bool:
    """Return True for what stands in documentation in the place of a secret."""
    return _PLACEHOLDER.search(value) is not None


def reads_a_secret(value: str) -> bool:
    """Return True for code in the place of a secret: a variable, a call, a template, a file, an address."""
    return _CODE.search(value) is not None


def can_be_secret(value: str, label: Label, *, stated: bool, strong: bool) -> bool:
    """Return True if a value beside a label looks like a secret.

    Args:
        value: the value without quotes.
        label: the kind of the label.
        stated: a sentence says that the value is the secret, as in "the passcode is 482913".
        strong: True if nothing but the place says that the value belongs to the label.
    """
    if _PIN.fullmatch(value) and (label == "pin" or (label == "password" and stated)):
        return not is_placeholder(value)
    if label == "pin" or is_placeholder(value) or reads_a_secret(value) or _is_something_else(value, label):
        return False
    kinds = _kinds(value)
    if strong and (len(value) < _MIN_LENGTH + 2 or _DIGIT.search(value) is None or not _is_mixed(value, kinds)):
        return False
    return kinds >= 2 and len(value) >= _MIN_LENGTH and entropy(value) >= _BITS


def _is_mixed(value: str, kinds: int) -> bool:
    return kinds > 2 or len(_CHANGE.findall(value)) > 3


def _kinds(value: str) -> int:
    kinds = sum(any(map(kind, value)) for kind in (str.isdigit, str.isupper, str.islower))
    return kinds + (not value.isalnum())


def _is_something_else(value: str, label: Label) -> bool:
    """Return True for words, numbers and versions; beside a key or a token also for names and ids of sessions."""
    if "\\" in value:  # another reading of the text has it without the escape
        return True
    if (
        value.isdigit()
        or (value.isalpha() and value[1:].islower())
        or _WORDS.fullmatch(value.strip("()"))
        or _QUANTITY.fullmatch(value)
        or _METHODS.fullmatch(value)
        or _SPACE.search(value)
    ):
        return True
    if _UUID.fullmatch(value):
        return label == "token"
    return label != "password" and _is_name(value)


def _is_name(value: str) -> bool:
    return _NAME.fullmatch(value) is not None and _WORD_IN_NAME.search(value) is not None
