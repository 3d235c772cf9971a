"""Ids of recent spans: a span that is sent again, after an acknowledgement was lost, is evaluated once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Literal

Life = Literal["earlier", "this"]
"""The process in which a span came: an earlier one, or this one."""

_THIS: Final[Life] = "this"


class RecentSpans:
    """The ids of the last `max_spans` spans, about 150 bytes each; the oldest are forgotten. Used by one thread.

    The states of a span:

        unknown --remember--> earlier --is_new of a record left over--> this
           |                                                             ^
           +--is_new-----------------------------------------------------+

    A span is new if it is unknown. A span of a record left over from a crash is new also in state "earlier": the
    earlier process may have skipped the span's repeat, for the sake of this very record.
    """

    def __init__(self, max_spans: int) -> None:
        self._max_spans = max_spans
        self._lives: OrderedDict[bytes, Life] = OrderedDict()

    def remember(self, trace_id: str, span_id: str, tenant: str = "") -> None:
        """Remember a span of a tenant that an earlier process was done with."""
        self._keep(_key(trace_id, span_id, tenant), "earlier")

    def is_new(self, trace_id: str, span_id: str, tenant: str = "", *, left_over: bool = False) -> bool:
        """Return True if the span of a tenant has not come before, and remember it.

        `left_over`: True for a span of a record that an earlier process left undone.
        """
        key = _key(trace_id, span_id, tenant)
        life = self._lives.get(key)
        if life == _THIS or (life and not left_over):
            return False
        self._keep(key, _THIS)
        return True

    def _keep(self, key: bytes, life: Life) -> None:
        self._lives[key] = life
        if len(self._lives) > self._max_spans:
            self._lives.popitem(last=False)


def _key(trace_id: str, span_id: str, tenant: str) -> bytes:
    return bytes.fromhex(trace_id + span_id) + tenant.encode()
