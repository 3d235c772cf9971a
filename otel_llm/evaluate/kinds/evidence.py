"""The windows of a context that an answer is compared with: those that share the most words with a part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.excerpts import bounded, shortened
from otel_llm.evaluate.engine.windows import CHARACTERS_PER_TOKEN
from otel_llm.evaluate.engine.words import overlap, words
from otel_llm.evaluate.kinds.whole_model import WholeModel

_NEAREST: Final = 2
"""Number of windows that a part of the answer is compared with."""
_QUOTED: Final = 3


class Evidence:
    """The windows of one call's documents. False if the documents have no text."""

    def __init__(self, model: WholeModel, documents: Sequence[str], *, max_tokens: int) -> None:
        """Cut the documents into windows of `max_tokens`; text beyond the manifest's `max_windows` is not read."""
        pieces = (
            piece.text
            for document in bounded(documents, model.manifest.max_windows * max_tokens * CHARACTERS_PER_TOKEN)
            for piece in model.pieces(document, max_tokens=max_tokens)
        )
        self._windows = [(text, words(text).content) for text in dict.fromkeys(pieces) if text.strip()]

    def __bool__(self) -> bool:
        return bool(self._windows)

    def nearest(self, text: str) -> list[str]:
        """Return the two windows that share the most words with the text."""
        content = words(text).content
        ranked = sorted(self._windows, key=lambda window: -overlap(content, window[1]))
        return [window for window, _ in ranked[:_NEAREST]]


def unsupported(answer: str, failing: Mapping[Span, float], count: str) -> str:
    """Return an explanation: `count` in words, and quotes of the three worst failing parts."""
    worst = sorted(failing, key=lambda span: (failing[span], span))[:_QUOTED]
    quotes = " ".join(f"“{shortened(answer[span.start : span.end])}”" for span in worst)
    return f"not supported by the context ({count}): {quotes}"
