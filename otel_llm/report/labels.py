"""A limit on the values of each label: a hostile model name must not blow up Prometheus."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

OTHER: Final = "other"
"""What stands for every value beyond the limit."""

_MAX_CHARACTERS: Final = 128


class LabelLimit:
    """Lets the first values of each label through, and makes one value of the rest."""

    def __init__(self, max_values: int) -> None:
        """Let `max_values` values of each label through."""
        self._max_values = max_values
        self._seen: defaultdict[str, set[str]] = defaultdict(set)

    def limit(self, labels: dict[str, str]) -> dict[str, str]:
        """Return the labels with the values that Prometheus is to see."""
        return {name: self._value(name, value[:_MAX_CHARACTERS]) for name, value in labels.items()}

    def _value(self, name: str, value: str) -> str:
        seen = self._seen[name]
        if value not in seen:
            if len(seen) >= self._max_values:
                return OTHER
            seen.add(value)
        return value
