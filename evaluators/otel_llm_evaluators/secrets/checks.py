"""Checks of values that have the form of a secret: randomness, checksums, placeholders."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable
from functools import reduce
from typing import Final

SURE: Final = 0.95
LIKELY: Final = 0.8
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BITS: Final = 2.6  # of entropy per character: a random key of 20 characters has at least so much
# placeholders in documentation; random keys contain none of them
_PLACEHOLDER: Final = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3}|example|1234567|abcdef(?:gh|[^0-9a-f])|insert|secret$"
    r"|(?:^|[^a-z])(?:sample|dummy|placeholder|redacted|change-?me|your|here|fake|foo|bar|todo)"
    r"|(?:key|token|secret|password)[-_ ]?(?:here|goes|\d{0,4}$)"
    r"|^(?:none|null|true|false|undefined|string|str|value|test\w*|pass\w{0,4}|passw(?:or)?d\w{0,4}|admin\w{0,4}|root"
    r"|user\w{0,4}|hunter2)$"
)
# code in the place of a secret: variables, calls, templates
_CODE: Final = re.compile(
    r"^[%@]|[()\[\]{}<>$]|^[a-z_]+(?:\.[a-zA-Z_]+)+$"
    r"|^(?:os|process|env|config|self|this|request|settings|props|args|params|data|user|ctx)\b[._]"
)
_WORDS: Final = re.compile(r"[A-Za-z]*[a-z]{3,}|[A-Z][a-z_]+|[A-Z_]+|[a-z_-]+")


def entropy(value: str) -> float:
    """Return the bits of Shannon entropy per character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def random(confidence: float = SURE) -> Callable[[str], float]:
    """Return a function that gives the confidence to values that look random, 0 to others and to placeholders."""
    return lambda value: 0.0 if _PLACEHOLDER.search(value) or entropy(value) < _BITS else confidence


def github(token: str) -> float:
    """Return a high confidence for a token whose checksum is right, else one below 0.5."""
    if _PLACEHOLDER.search(token):
        return 0.0
    return 0.99 if _has_github_check(token) else 0.4  # a character is wrong, or the token is invented


def jwt(token: str) -> float:
    """Return a confidence for a header that is JSON with an algorithm, else 0: RFC 7515, section 4.1.1."""
    header = token.split(".", 1)[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError):
        return 0.0
    return 0.9 if isinstance(fields, dict) and "alg" in fields else 0.0


def private_key(block: str) -> float:
    """Return a confidence for a block with a key between its first and last line, else 0."""
    body = block.split("-----")[2]
    return 0.97 if len(body) >= 64 and entropy(body) >= 4 else 0.0


def password_in_url(password: str) -> float:
    """Return a confidence for a value that is neither a placeholder nor a variable, else 0."""
    return 0.0 if _PLACEHOLDER.search(password) or _CODE.search(password) else 0.9


def assigned(value: str) -> float:
    """Return a confidence by the value's randomness; 0 for code, words and placeholders."""
    if len(value) < 6 or _PLACEHOLDER.search(value) or _CODE.search(value):
        return 0.0
    kinds = sum(any(map(kind, value)) for kind in (str.isdigit, str.isupper, str.islower)) + (not value.isalnum())
    if value.isdigit() or _WORDS.fullmatch(value) or kinds < 2:
        return 0.0
    return (
        0.8 if entropy(value) >= 3.3 and len(value) >= 16 else 0.6 if entropy(value) >= 2.4 and kinds >= 2 else 0.0
    )


def _has_github_check(token: str) -> bool:
    """Return whether the last 6 characters are the CRC-32 of the 30 before them, in base 62.

    Source: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/.
    """
    secret, check = token[-36:-6], token[-6:]
    number = reduce(lambda number, character: number * 62 + _BASE62.index(character), check, 0)
    return zlib.crc32(secret.encode()) == number
