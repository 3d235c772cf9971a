"""Documents as JSON within a limit. The first documents are kept, as retrieval puts the best documents first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

_SEPARATOR: Final = len(", ")


class FittedDocuments(NamedTuple):
    """Documents within a limit."""

    texts: list[str]
    json: str


def fit_documents(documents: Sequence[str], limit: int) -> FittedDocuments:
    """Return documents within a limit.

    Args:
        documents: the texts.
        limit: the maximum length of the JSON in characters. The first texts are kept. The text that reaches the
            limit ends with the number of characters cut. One entry with the number of texts replaces all later
            texts, even where the limit has no room for this entry.
    """
    texts = list(documents)
    text = _json(texts)
    if len(text) <= limit:
        return FittedDocuments(texts, text)
    kept = _cut(texts, limit)
    return FittedDocuments(kept, _json(kept))


def _cut(texts: list[str], limit: int) -> list[str]:
    left = limit - len("[]") - _size(_mark(len(texts), "document"))
    kept: list[str] = []
    for text in texts:
        if _size(text) > left:
            if shortened := _shortened(text, left):
                kept.append(shortened)
            break
        left -= _size(text)
        kept.append(text)
    dropped = len(texts) - len(kept)
    return [*kept, _mark(dropped, "document")] if dropped else kept


def _shortened(text: str, left: int) -> str | None:
    """Return the beginning of a text that is too long; None if not even the mark of the cut fits."""
    kept = text[: max(0, left - _size(_mark(len(text), "character")))]
    # escapes make a character longer in JSON
    kept = kept[: max(0, len(kept) - (len(_json(kept)) - len('""') - len(kept)))]
    return kept + _mark(len(text) - len(kept), "character") if kept else None


def _mark(count: int, what: str) -> str:
    return f"…[{count} {what}{'' if count == 1 else 's'} cut]"


def _size(text: str) -> int:
    return len(_json(text)) + _SEPARATOR


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
