"""A large request whose parts are sent like requests of their own, and who waits for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from otel_llm.otlp.signals import Signal
from otel_llm.send.send_queue import Outcome, Waiting
from otel_llm.send.splitting import count_items, split


def parts_of(signal: Signal, whole: Waiting, max_bytes: int) -> list[Waiting]:
    """Return requests of up to `max_bytes` in the place of a larger one, or larger where they cannot be split.

    Raises:
        DecodeError: the body is no request of that signal.
    """
    parts = list(split(signal, whole.body, max_bytes))
    done = _Whole(whole.done, len(parts)).end
    return [Waiting(part, count_items(signal, part), done, whole.since_s) for part in parts]


class _Whole:
    """What became of the parts."""

    def __init__(self, done: Callable[[Outcome], None], parts: int) -> None:
        """Call `done` once so many parts have ended."""
        self._done = done
        self._left = parts
        self._refused: list[bytes] = []
        self._reason = ""
        self._lock = threading.Lock()

    def end(self, outcome: Outcome) -> None:
        """Take in what became of a part. Any thread may."""
        with self._lock:
            self._left -= 1
            self._refused += outcome.refused
            self._reason = outcome.reason or self._reason
            is_last = not self._left
        if is_last:
            self._done(Outcome(self._refused, self._reason))
