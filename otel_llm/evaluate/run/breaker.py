"""A circuit breaker: an evaluator that keeps failing is left out for a while, then tried again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, Literal

_log: Final = logging.getLogger(__name__)


class Breaker:
    """Opens after `max_failures` failures in a row; after each cool-down it admits one trial, which decides.

    States: closed (every attempt is admitted), open (none is, until `cool_down_s` after the last trial or
    failure), half_open (one trial is under way). A trial's success closes the circuit, a trial's failure opens it
    again. The caller reports each admitted attempt with `succeeded` or `failed`. For one thread.

    Source: M. Nygard, Release It!, 2nd edition 2018, "Circuit Breaker".
    """

    def __init__(
        self, name: str, *, max_failures: int, cool_down_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._max_failures = max_failures
        self._cool_down_s = cool_down_s
        self._clock = clock
        self._tried_at = 0.0
        self.state: Literal["closed", "open", "half_open"] = "closed"
        self.failures = 0
        """Failures since the last success."""

    def admits(self) -> bool:
        """Return whether the next attempt may be made; after the cool-down this is the one trial."""
        if self.state == "closed":
            return True
        if self._clock() - self._tried_at < self._cool_down_s:
            return False
        self._tried_at = self._clock()  # the next trial waits a whole cool-down, even if this one never reports
        self.state = "half_open"
        return True

    def succeeded(self) -> None:
        """Close the circuit."""
        if self.state != "closed":
            _log.info("%s: works again after %d failures", self._name, self.failures)
        self.state = "closed"
        self.failures = 0

    def failed(self, error: BaseException) -> None:
        """Count a failure; open the circuit after a failed trial, or after `max_failures` in a row."""
        self.failures += 1
        if self.state == "closed" and self.failures >= self._max_failures:
            _log.error(
                "%s: failed %d times in a row, at last with %s: it is left out, and tried again every %g s",
                self._name,
                self.failures,
                type(error).__name__,
                self._cool_down_s,
            )
        if self.state == "half_open" or self.failures >= self._max_failures:
            self.state = "open"
            self._tried_at = self._clock()
