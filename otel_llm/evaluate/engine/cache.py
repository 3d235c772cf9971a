"""What was found of recent texts, so that what is repeated from call to call is read once."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from otel_llm.evaluate.engine.shared_encoder import TextEncoder

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding, FloatArray

_REMEMBERED: Final = 2048
_REMEMBERED_CHARACTERS: Final = 2000  # so that what is remembered takes a few megabytes at most


def remembering(read: Callable[..., FloatArray]) -> Callable[..., FloatArray]:
    """Return a function of short texts that remembers what it found of those read last. Any thread may call it.

    Its arrays are not to be written to.
    """
    remembered = lru_cache(maxsize=_REMEMBERED)(read)

    def ask(*texts: str) -> FloatArray:
        return (remembered if sum(map(len, texts)) <= _REMEMBERED_CHARACTERS else read)(*texts)

    return ask


class EncodingCache:
    """Encodes through an encoder, and keeps the encodings used last up to a number of bytes. Used by one thread.

    Questions, retrieved documents and answers recur; a text's encoding depends on nothing but the text.
    """

    def __init__(self, encoder: TextEncoder, *, limit_bytes: int) -> None:
        """Keep nothing where the limit is 0."""
        self._encoder = encoder
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[str, Encoding] = OrderedDict()
        self.kept_bytes = 0
        self.hits = 0
        """Texts whose encoding was kept; a text that occurs several times in one batch counts once."""
        self.misses = 0
        """Texts that were encoded."""

    def encode(self, texts: Iterable[str]) -> dict[str, Encoding]:
        """Return the encoding of each distinct text."""
        distinct = dict.fromkeys(texts)
        known = {text: self._kept[text] for text in distinct if text in self._kept}
        encoded = self._encoder.encode(text for text in distinct if text not in known)
        self.hits += len(known)
        self.misses += len(encoded)
        for text in known:
            self._kept.move_to_end(text)
        for text, encoding in encoded.items():
            self._keep(text, encoding)
        found = known | encoded
        return {text: found[text] for text in distinct}

    def _keep(self, text: str, encoding: Encoding) -> None:
        size = _bytes(text, encoding)
        if size > self._limit_bytes:
            return
        self._kept[text] = encoding
        self.kept_bytes += size
        while self.kept_bytes > self._limit_bytes:
            oldest, dropped = self._kept.popitem(last=False)
            self.kept_bytes -= _bytes(oldest, dropped)


def _bytes(text: str, encoding: Encoding) -> int:
    # the states count twice: an encoding keeps them joined too, once it was asked for them
    return sys.getsizeof(text) + sum(
        window.offsets.nbytes + 2 * window.states.nbytes for window in encoding.windows
    )
