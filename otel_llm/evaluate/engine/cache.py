"""Caches of outputs for recent texts: texts that recur from call to call are encoded once."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from otel_llm.evaluate.engine.shared_encoder import TextEncoder

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding

_T = TypeVar("_T")
_REMEMBERED: Final = 2048
_REMEMBERED_CHARACTERS: Final = 2000  # with _REMEMBERED, this bounds the cache to a few megabytes


def remembering(read: Callable[..., _T]) -> Callable[..., _T]:
    """Return the function with a cache of its outputs for the short texts used last. Any thread may call it.

    Callers share the outputs, and must not change them.
    """
    remembered = lru_cache(maxsize=_REMEMBERED)(read)

    def ask(*texts: str) -> _T:
        return (remembered if sum(map(len, texts)) <= _REMEMBERED_CHARACTERS else read)(*texts)

    return ask


class EncodingCache:
    """Encodes through an encoder, and keeps the encodings that were used last.

    Questions, retrieved documents and answers recur, and a text's encoding depends on the text alone. Bounded by
    `limit_bytes`: an encoding that is larger is not kept, and for a new one the encodings that were not used for
    the longest time go. `kept_bytes` counts texts, offsets and states. For one thread; another thread may read the
    counters.
    """

    def __init__(self, encoder: TextEncoder, *, limit_bytes: int) -> None:
        """Keep nothing if the limit is 0."""
        self._encoder = encoder
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[str, Encoding] = OrderedDict()
        self.kept_bytes = 0
        self.hits = 0
        """Number of texts whose encoding was kept; a text counts once in a batch."""
        self.misses = 0
        """Number of texts that were encoded."""

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
    # the states count twice: `Encoding.states` keeps a joined copy after its first use
    return sys.getsizeof(text) + sum(
        window.offsets.nbytes + 2 * window.states.nbytes for window in encoding.windows
    )
