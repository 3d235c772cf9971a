"""A limit on the values of each label: a hostile model name must not blow up what keeps the metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, TypeVar

_T = TypeVar("_T")

OTHER: Final = "other"
"""The value that replaces every value beyond the limit."""

_MAX_CHARACTERS: Final = 128


class LabelLimit:
    """Lets the first values of each label through, and makes one value of the rest."""

    def __init__(self, max_values: int) -> None:
        """Let `max_values` values of each label through."""
        self._max_values = max_values
        self._seen: defaultdict[str, set[str]] = defaultdict(set)

    def limit(self, labels: Mapping[str, _T]) -> dict[str, _T | str]:
        """Return the labels with the values that are to be seen; one that is no text stays as it is."""
        limited: dict[str, _T | str] = dict(labels)
        for name, value in labels.items():
            if isinstance(value, str) and value not in self._seen[name]:
                limited[name] = self._value(name, value[:_MAX_CHARACTERS])
        return limited

    def _value(self, name: str, value: str) -> str:
        seen = self._seen[name]
        if value not in seen:
            if len(seen) >= self._max_values:
                return OTHER
            seen.add(value)
        return value
