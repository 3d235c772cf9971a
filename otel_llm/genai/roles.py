"""The roles of messages: one word for each, whatever a library calls it."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = {
    "user": ("user", "human", "enduser", "customer"),
    "assistant": ("assistant", "ai", "bot", "chatbot", "model", "gpt", "llm"),
    "system": ("system", "developer"),
    # ipython: Llama 3; observation: ChatGLM
    "tool": ("tool", "function", "ipython", "observation", "toolresult", "toolresponse", "functionresponse"),
}
_CANONICAL: Final = {word: role for role, words in _WORDS.items() for word in words}
ROLES: Final = frozenset(_WORDS)
"""The roles that every part of this package knows."""
_NO_LETTER: Final = re.compile(r"[^a-z]+")
_NAME_OF_CLASS: Final = re.compile(r"message(?:chunk)?\Z")
_MAX_CHARACTERS: Final = 64


def role_of(said: str) -> str:
    """Return user, assistant, system or tool for the words that libraries use; any other word stays as it is.

    >>> [role_of(said) for said in ("Human", "AIMessage", "MessageRole.USER", "developer", "narrator")]
    ['user', 'assistant', 'user', 'system', 'narrator']
    """
    if said in ROLES or len(said) > _MAX_CHARACTERS:
        return said
    word = _NO_LETTER.sub("", said.rpartition(".")[2].lower())
    return _CANONICAL.get(_NAME_OF_CLASS.sub("", word), said)


def known_role(said: object) -> str | None:
    """Return the role that a text means; None if it is no word for a role."""
    role = role_of(said) if isinstance(said, str) else None
    return role if role in ROLES else None
