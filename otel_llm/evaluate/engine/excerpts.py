"""Parts of long texts: the part of documents that is read, the part of a text that is quoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_QUOTED_CHARACTERS: Final = 120


def bounded(documents: Sequence[str], characters: int) -> Iterator[str]:
    """Yield the documents up to that number of characters together."""
    for document in documents:
        yield document[:characters]
        characters = max(0, characters - len(document))


def shortened(text: str) -> str:
    """Return the text as an explanation quotes it: 120 characters at most."""
    return text if len(text) <= _QUOTED_CHARACTERS else f"{text[: _QUOTED_CHARACTERS - 1].rstrip()}…"
