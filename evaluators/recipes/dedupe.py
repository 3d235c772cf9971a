"""Near duplicates in two sets: no text that is measured may have been trained on in other words.

Two texts are near duplicates if their runs of five words overlap by a Jaccard index of 0.8. MinHash (Broder
1997) finds the candidates, in bands of rows (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4);
each is then compared exactly.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

JACCARD = 0.8
_RUN = 5
# at an index of 0.8 a pair is a candidate with 1 - (1 - 0.8⁴)¹⁶ = 0.9998, at 0.3 with 0.12
_BANDS, _ROWS = 16, 4
_TEXTS = 256  # whose hashes are held at once
_WORD = re.compile(r"[^\W\d_]+|\d")
_DIGITS = re.compile(r"\d+")
_Hashes = NDArray[np.uint64]

_log = logging.getLogger(__name__)


def normalised(text: str) -> str:
    """Return the words in lower case, without accents' variants and punctuation, each number as 0.

    So texts that differ only in a date, a price or a counter are the same.
    """
    return " ".join(_WORD.findall(_DIGITS.sub("0", unicodedata.normalize("NFKC", text).casefold())))


def without_near_duplicates(texts: Sequence[str], of: Sequence[str], *, jaccard: float = JACCARD) -> list[int]:
    """Return the indices of the texts that are no near duplicate of one in `of`, in order; the counts are logged.

    A text without words is kept: it says nothing that could be known already.

    Args:
        texts: what is thinned out, such as training texts.
        of: what must not be in them, such as measuring texts.
        jaccard: the index from which on two texts count as the same.
    """
    ours, theirs = ([normalised(text) for text in side] for side in (texts, of))
    exact = set(theirs) - {""}
    runs = _Runs()
    known = [runs.of(text) for text in theirs]
    index = _index(known)
    kept, same = [], 0
    for start in range(0, len(ours), _TEXTS):
        some = [runs.of(text) for text in ours[start : start + _TEXTS]]
        for number, (found, bands) in enumerate(zip(some, _bands(some), strict=True), start):
            if ours[number] in exact:
                same += 1
            elif not _is_near(found, {other for band in bands for other in index.get(band, ())}, known, jaccard):
                kept.append(number)
    _log.info(
        "%d of %d texts left out: %d are the same as one of %d others, %d nearly",
        len(ours) - len(kept), len(ours), same, len(theirs), len(ours) - len(kept) - same,
    )  # fmt: skip
    return kept


class _Runs:
    """Texts as sets of hashes: one of each run of five words, or one of a whole shorter text."""

    def __init__(self) -> None:
        self._words: dict[str, int] = {}

    def of(self, text: str) -> _Hashes:
        words = [self._words.setdefault(word, len(self._words) + 1) for word in text.split()]
        numbers = np.array(words, np.uint64)
        count = max(1, len(words) - _RUN + 1)
        hashes = np.zeros(count if words else 0, np.uint64)
        for offset in range(min(_RUN, len(words))):
            hashes = _mixed(hashes + numbers[offset : offset + count])
        return np.unique(hashes)


def _mixed(values: _Hashes) -> _Hashes:
    """Return the values scattered over all 64 bits. Source: SplitMix64 (Steele, Lea and Flood 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_SALTS = _mixed(np.arange(1, _BANDS * _ROWS + 1, dtype=np.uint64))


def _bands(texts: Sequence[_Hashes]) -> list[tuple[tuple[int, int], ...]]:
    """Return each text's bands: texts with a common band are candidates; a text without words has none."""
    lengths = np.array([len(hashes) for hashes in texts])
    found = np.flatnonzero(lengths)
    if not len(found):
        return [()] * len(texts)
    starts = np.concatenate([[0], np.cumsum(lengths[found])[:-1]])
    joined = np.concatenate([texts[number] for number in found])
    least = np.stack([np.minimum.reduceat(_mixed(joined ^ salt), starts) for salt in _SALTS], axis=1)
    keys = np.zeros((len(found), _BANDS), np.uint64)
    for row in range(_ROWS):
        keys = _mixed(keys + least[:, row::_ROWS])
    bands: list[tuple[tuple[int, int], ...]] = [()] * len(texts)
    for number, key in zip(found.tolist(), keys.tolist(), strict=True):
        bands[number] = tuple(enumerate(key))
    return bands


def _index(texts: Sequence[_Hashes]) -> dict[tuple[int, int], list[int]]:
    index: dict[tuple[int, int], list[int]] = defaultdict(list)
    for start in range(0, len(texts), _TEXTS):
        for number, bands in enumerate(_bands(texts[start : start + _TEXTS]), start):
            for band in bands:
                index[band].append(number)
    return index


def _is_near(text: _Hashes, candidates: set[int], known: Sequence[_Hashes], jaccard: float) -> bool:
    for candidate in candidates:
        other = known[candidate]
        shared = len(np.intersect1d(text, other, assume_unique=True))
        if shared >= jaccard * (len(text) + len(other) - shared):
            return True
    return False
