"""What is lost of GenAI spans before they are evaluated: counted by reason, and said in the log."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, Literal

from otel_llm.genai.problems import Problem
from otel_llm.names.label_limit import LabelLimit

NotEvaluated = Literal[
    "other_operation", "unknown_operation", "documents", "not_selected", "no_content", "repeated", "unreadable"
]
"""`other_operation`: an embedding, an agent. `unknown_operation`: nobody knows it, and nothing else shows a call.
`documents`: a retrieval or a tool, used for the answers of its trace. `unreadable`: a dead letter."""

_PERIOD_S: Final = 300.0
_log: Final = logging.getLogger(__name__)


class Losses:
    """Counts what is not evaluated, and what could not be read of a call. Any thread may call.

    A kind of problem is logged at once, then at most once in five minutes, each time with the number since.
    """

    def __init__(self, *, max_label_values: int, clock: Callable[[], float]) -> None:
        """Tell `max_label_values` operations apart, and count further ones as "other"."""
        self._labels = LabelLimit(max_label_values)
        self._clock = clock
        self._lock = threading.Lock()
        self._not_evaluated: Counter[tuple[str, ...]] = Counter()
        self._problems: Counter[tuple[str, ...]] = Counter()
        self._logged: dict[tuple[str, ...], tuple[float, int]] = {}
        """Of each kind of problem, the time of its last line and the number up to it."""

    def count(self, operation: str, reason: NotEvaluated) -> None:
        """Count a GenAI span that is not evaluated."""
        with self._lock:
            self._not_evaluated[self._labels.limit({"operation": operation})["operation"], reason] += 1

    def note(self, dialect: str, problems: Iterable[Problem]) -> None:
        """Count and log what could not be read of one call."""
        for problem in problems:
            kind = dialect, problem.attribute, problem.reason
            with self._lock:
                self._problems[kind] += 1
                total = self._problems[kind]
                last_s, said = self._logged.get(kind, (None, 0))
                if last_s is not None and self._clock() - last_s < _PERIOD_S:
                    continue
                self._logged[kind] = self._clock(), total
            _log.warning(
                "content was not read whole",
                extra={
                    "dialect": dialect,
                    "attribute": problem.attribute,
                    "reason": problem.reason,
                    "count": total - said,
                },
            )

    def not_evaluated(self) -> dict[tuple[str, ...], int]:
        """Return the numbers of spans by operation and reason."""
        with self._lock:
            return dict(self._not_evaluated)

    def problems(self) -> dict[tuple[str, ...], int]:
        """Return the numbers of problems by dialect, attribute and reason."""
        with self._lock:
            return dict(self._problems)
