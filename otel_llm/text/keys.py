"""Keys and tokens that name their issuer, private keys, and passwords in URLs and headers.

Every quantifier is bounded or possessive, so that no text can make a pattern backtrack without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

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
    r"(?<![\w-])(?=[\w-]{11,}+\.eyJ[\w-]{8,}+\.)[\w-]*?(?<![A-Za-z0-9])"
    r"(eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]*+)",
    re.ASCII,
)
# each token contains one of these: to look for them first takes a tenth of the time
_KEY_MARKS: Final = (
    "sk_", "rk_", "pk_", "whsec_", "sk-", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-",
    "AKIA", "ASIA", "ABIA", "ACCA", "AIza", "ya29.", "GOCSPX-", "xox", "xapp-", "hf_", "gsk_", "r8_", "fw_",
    "npm_", "xai", "pplx", "nvapi", "csk", "tvly", "pcsk", "lsv2", "dapi", "pypi", "SG.", "shp", "_v1_", "hvs.",
    "hvb.", "hvr.", "dckr_pat_", "ATATT3", "ntn_", "AGE-SECRET-KEY-1",
)  # fmt: skip
# every token is in such a run: most texts have none, and one pass takes less than the search for each mark
_LONG_RUN: Final = re.compile(r"(?:\S{0,17}+\s++)*+\S{18}")
# one cheap search, before a pattern with many branches
_LONG_WORD: Final = re.compile(r"[\w.~+/=-]{18,}+", re.ASCII)
_PEM: Final = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"[^-]*+(?:-(?!----END)[^-]*+)*+"  # to the end of the text if there is no end mark: the text may have been cut
    r"(?:-----END [A-Z0-9 ]{0,60}-----)?"
)
_AUTHORIZATION: Final = re.compile(
    r"\b(?:[Bb]earer|[Bb]asic)\s{1,3}(?=[A-Za-z_.~+/-]{0,60}[0-9=])([\w.~+/-]{16,}+=*+)"
)
_IN_URL: Final = re.compile(r"://[^\s:/?#@]{0,64}:([^\s/?#@]{1,256})@")


def find_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each API key, token, private key block and password in a URL, form by form."""
    if "PRIVATE KEY" in text:
        yield from (block.span() for block in _PEM.finditer(text))
    if "earer" in text or "asic " in text:
        yield from (header.span(1) for header in _AUTHORIZATION.finditer(text))
    if "://" in text and "@" in text:
        yield from (url.span(1) for url in _IN_URL.finditer(text))
    if ".eyJ" in text:
        yield from (token.span(1) for token in _TOKENS.finditer(text))
    if _LONG_RUN.match(text) and any(mark in text for mark in _KEY_MARKS):
        for word in _LONG_WORD.finditer(text):
            yield from (key.span() for key in _KEYS.finditer(text, *word.span()))
