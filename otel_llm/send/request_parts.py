"""Requests that are sent otherwise than they came: in parts, or the rest of several as one; and their outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from otel_llm.otlp.signals import Signal
from otel_llm.send.lane import PendingRequest, SendOutcome
from otel_llm.send.splitting import count_items, split


def request_parts(signal: Signal, whole: PendingRequest, max_bytes: int) -> list[PendingRequest]:
    """Return requests of up to `max_bytes` with the items of `whole`; a part that cannot be split is larger.

    Raises:
        DecodeError: the body is no request of that signal.
    """
    parts = list(split(signal, whole.body, max_bytes))
    done = _PartOutcomes(whole.done, len(parts)).add
    return [PendingRequest(part, count_items(signal, part), done, whole.received_s) for part in parts]


def done_of_all(requests: Sequence[PendingRequest]) -> Callable[[SendOutcome], None]:
    """Return the callback of one request that stands for several: the first hears what was refused."""

    def done(outcome: SendOutcome) -> None:
        for number, each in enumerate(requests):
            each.done(SendOutcome() if number else outcome)

    return done


class _PartOutcomes:
    """The outcomes of the parts, joined into one for who sent the whole. Any thread may call."""

    def __init__(self, done: Callable[[SendOutcome], None], parts: int) -> None:
        """Call `done` once so many parts are finished."""
        self._done = done
        self._left = parts
        self._refused: list[bytes] = []
        self._reason = ""
        self._lock = threading.Lock()

    def add(self, outcome: SendOutcome) -> None:
        """Add the outcome of one part."""
        with self._lock:
            self._left -= 1
            self._refused += outcome.refused
            self._reason = outcome.reason or self._reason
            is_last = not self._left
        if is_last:
            self._done(SendOutcome(self._refused, self._reason))
