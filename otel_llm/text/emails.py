"""Places of e-mail addresses in a text, in linear time: not those of programs and of servers' files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# a file's extension, a systemd unit: no top-level domains
_NO_DOMAIN: Final = (
    "log|conf|cfg|ini|json|ya?ml|toml|lock|xml|html?|csv|txt|sql|pdf|gz|tar|jar|whl|exe|dll|bak|tmp|[jt]sx|scss"
    "|png|jpe?g|gif|svg|webp|css|js|ts"
    "|service|socket|timer|target|mount|automount|swap|slice|scope|device|path"
)
_EMAIL: Final = re.compile(
    r"(?<![\w.%+-])[\w.%+'-]{1,64}@"
    rf"(?:[^\W_][\w-]{{0,62}}\.){{1,8}}(?!(?:{_NO_DOMAIN})\b)[^\W\d_]{{2,63}}(?![\w@])"
)
# user@host:path of git, scp and rsync, and user@host:~$ of a prompt
_REMOTE_PATH: Final = re.compile(
    r":(?:[/~]|[\w.+-]{1,100}/|[\w.+-]{1,100}\.(?:git|tar|t?gz|zip|sql|log|txt|conf|json|ya?ml|sh|py)\b)"
)
_FORGE: Final = re.compile(
    r"(?i)git@(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|ssh\.dev\.azure\.com)\Z"
)
_HOST_IN_URL: Final = re.compile(r"[/:?#]")
_USER_IN_URL: Final = re.compile(r"://(?:[^\s/@:]{0,64}:)?\Z")
_COMMAND: Final = re.compile(r"\b(?:ssh|sftp|mosh|ssh-copy-id)(?: -[\w-]{1,20}(?: [^\s@-][^\s@]{0,60})?){0,6} \Z")
_MESSAGE_ID: Final = re.compile(r"(?i:message-id|in-reply-to|references): ?[^\n:]{0,200}<\Z")
_BEFORE: Final = 200


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each address, in order."""
    if "@" in text:
        yield from (
            address.span() for address in _EMAIL.finditer(text) if not _is_technical(text, *address.span())
        )


def _is_technical(text: str, start: int, end: int) -> bool:
    """Return True for the user of a forge, or of a server in a path, command or URL, and for ids of messages."""
    before = text[max(0, start - _BEFORE) : start]
    return (
        _REMOTE_PATH.match(text, end) is not None
        or _FORGE.match(text[start:end]) is not None
        or (_HOST_IN_URL.match(text, end) is not None and _USER_IN_URL.search(before) is not None)
        or _COMMAND.search(before) is not None
        or _MESSAGE_ID.search(before) is not None
    )
