"""Checks of values that have the form of a secret: randomness, checksums, placeholders."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable
from functools import reduce
from typing import Final

from otel_llm.evaluate.api import entropy, is_placeholder, reads_a_secret

SURE: Final = 0.95
LIKELY: Final = 0.8
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BITS: Final = 2.6  # of entropy per character: a random key of 20 characters has at least so much


def random(confidence: float = SURE) -> Callable[[str], float]:
    """Return a function that gives the confidence to values that look random, 0 to others and to placeholders."""
    return lambda value: 0.0 if is_placeholder(value) or entropy(value) < _BITS else confidence


def github(token: str) -> float:
    """Return a high confidence for a token whose checksum is right, else one below 0.5."""
    if is_placeholder(token):
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
    return 0.0 if is_placeholder(password) or reads_a_secret(password) else 0.9


def labelled(value: str) -> float:
    """Return a confidence by the randomness of a value that stands beside its label."""
    return LIKELY if len(value) >= 16 and entropy(value) >= 3.3 else 0.6


def _has_github_check(token: str) -> bool:
    """Return whether the last 6 characters are the CRC-32 of the 30 before them, in base 62.

    Source: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/.
    """
    secret, check = token[-36:-6], token[-6:]
    number = reduce(lambda number, character: number * 62 + _BASE62.index(character), check, 0)
    return zlib.crc32(secret.encode()) == number
