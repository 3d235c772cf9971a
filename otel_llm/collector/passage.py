"""Inline: a request of traces on its way through the service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from otel_llm.evaluate.result import Result

Verdicts = Mapping[int, Sequence[Result]]
"""The results on a request's spans, which are numbered in their order."""


class Passage:
    """It goes on once: when its calls are evaluated, or when its time is up. Used by several threads."""

    def __init__(self, calls: int, go_on: Callable[[Verdicts], None]) -> None:
        """Call `go_on` with the verdicts on so many calls."""
        self._missing = calls
        self._go_on = go_on
        self._verdicts: dict[int, Sequence[Result]] = {}
        self._lock = threading.Lock()
        self.gone = False
        """Whether it has gone on."""

    def evaluated(self, index: int, results: Sequence[Result]) -> None:
        """Add the results on the span of that number; the last ones let it go."""
        with self._lock:
            self._missing -= 1
            if not self.gone:
                self._verdicts[index] = results
        if not self._missing:
            self.leave()

    def leave(self) -> bool:
        """Go on with the verdicts that have come; return whether it had not gone yet."""
        with self._lock:
            if self.gone:
                return False
            self.gone = True
        self._go_on(self._verdicts)
        return True
