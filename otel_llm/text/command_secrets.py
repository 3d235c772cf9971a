"""Places of passwords in commands, whose option says that a value is one: `curl -u user:…`, `mysql -p…`.

Every quantifier is bounded, so that the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from otel_llm.text.secret_values import can_be_secret

_VALUE: Final = r"""["']?(?P<value>[^\s"'`|<>;&]{6,200})"""
_WORDS: Final = r"(?:[^\S\n]{1,8}(?:\\\n\s{0,8})?[^\s|;&]{1,200}){0,12}?[^\S\n]{1,8}(?:\\\n\s{0,8})?"
_USER: Final = r"[^\s:\"'`/]{1,64}:"
_COMMANDS: Final = {
    "curl": rf"{_WORDS}(?:-u[ ]?|--(?:proxy-)?user[ =])[\"']?{_USER}{_VALUE}",
    "mysql": rf"(?:dump|admin)?{_WORDS}-p{_VALUE}",
    "mariadb": rf"(?:-dump|-admin)?{_WORDS}-p{_VALUE}",
    "sshpass": rf"{_WORDS}-p[ ]?{_VALUE}",
    "redis-cli": rf"{_WORDS}-a[ ]{_VALUE}",
    **dict.fromkeys(
        ("docker login", "podman login", "skopeo login", "registry login", "az login"), rf"{_WORDS}-p[ ]{_VALUE}"
    ),
    "mongosh": rf"{_WORDS}-p[ ]{_VALUE}",
    "identified by": rf"""[ ](?:password[ ])?(?=["']){_VALUE}""",  # SQL
}
"""The rest of each command, by the word that it is found by."""
_RESTS: Final = {word: re.compile(rest) for word, rest in _COMMANDS.items()}

COMMAND_MARK: Final = f"(?i){'|'.join(_COMMANDS)}"
"""Pattern for RE2 that each of these commands contains."""


def find_command_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each password in a command, command by command."""
    lower = text.lower()
    if len(lower) != len(text):
        return
    for word, rest in _RESTS.items():
        place = lower.find(word)
        while place >= 0:
            found = rest.match(text, place + len(word))
            if found is not None and can_be_secret(found["value"], "password", stated=False, strong=False):
                yield found.span("value")
            place = lower.find(word, place + len(word))
