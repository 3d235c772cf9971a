"""Which spans came of late: one that is sent again, after an acknowledgement was lost, is evaluated once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Literal

Life = Literal["earlier", "this"]

_THIS: Final[Life] = "this"


class RecentSpans:
    """The ids of the last spans, bounded. Used by one thread."""

    def __init__(self, max_spans: int) -> None:
        """Remember so many spans, about 150 bytes each."""
        self._max_spans = max_spans
        self._lives: OrderedDict[bytes, Life] = OrderedDict()

    def remember(self, trace_id: str, span_id: str, tenant: str = "") -> None:
        """Know a span of a tenant again that was done with before this process started."""
        self._keep(_key(trace_id, span_id, tenant), "earlier")

    def is_new(self, trace_id: str, span_id: str, tenant: str = "", *, left_over: bool = False) -> bool:
        """Return whether the span of a tenant has not come before, and remember it.

        Of what an earlier process left undone, only what came since this one started counts: a span that it was
        done with may have been passed over there, for the sake of the very record that is still to be done.
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
