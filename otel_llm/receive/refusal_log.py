"""Refusals in the log: one line per reason and ten seconds, so that a sender that goes on fills no disk."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from otel_llm.otlp.signals import Signal

Transport = Literal["grpc", "http"]

_WINDOW_S: Final = 10
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    reason: str
    transport: Transport
    signal: Signal | None


class RefusalLog:
    """Counts and logs refusals: the first of a kind at once, the others of the next ten seconds in one line.

    The states of a kind, which is a reason, a transport and a signal:

        quiet --note: a line--> in its window --window over, none came--> quiet
                                  ^        |
                                  +--------+ window over, some came: a line

    Used in the event loop. Holds two values for each kind in its window.
    """

    def __init__(self, *, window_s: float = _WINDOW_S) -> None:
        self._window_s = window_s
        self._waiting: dict[
            _Kind, tuple[int, str]
        ] = {}  # of each kind in its window: how many, and the last detail
        self.totals: Counter[str] = Counter()
        """Refusals since the start by reason: requests, or items of requests that were taken."""

    def note(self, reason: str, transport: Transport, signal: Signal | None, detail: str, count: int = 1) -> None:
        """Count `count` refusals of one reason; `detail` describes the last of them, without content."""
        self.totals[reason] += count
        kind = _Kind(reason, transport, signal)
        if kind in self._waiting:
            self._waiting[kind] = self._waiting[kind][0] + count, detail
        else:
            self._say(kind, count, detail)

    def _say(self, kind: _Kind, count: int, detail: str) -> None:
        fields = {"reason": kind.reason, "transport": kind.transport, "signal": kind.signal}
        _log.warning("refused", extra={**fields, "count": count, "detail": detail})
        self._waiting[kind] = 0, ""
        asyncio.get_running_loop().call_later(self._window_s, self._window_over, kind)

    def _window_over(self, kind: _Kind) -> None:
        count, detail = self._waiting.pop(kind)
        if count:
            self._say(kind, count, detail)
