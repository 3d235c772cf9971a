"""Removes the items of a request that are too large, malformed or without ids; the other items are taken."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from otel_llm.errors import DecodeError
from otel_llm.otlp.requests import count_points, read_ids, read_request, scopes
from otel_llm.otlp.signals import SIGNALS, Signal

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
# A Span as nearly every exporter writes it, ids first: trace_id (field 1, 16 bytes), span_id (field 2, 8 bytes),
# neither of them zero. What does not look so may be well-formed all the same, and is parsed.
_USUAL_IDS: Final = re.compile(rb"\x0a\x10(?!\0{16}).{16}\x12\x08(?!\0{8}).{8}", re.DOTALL)
_MAX_PARTS: Final = 200_000
"""Resources, scopes and items in a request: an empty one has two bytes, and millions take long to read."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Items that are not taken, for one reason."""

    reason: str
    """Reason in a word or two, for counts and the log."""
    message: str
    count: int = 1
    """Number of spans, log records or data points."""


class Rejections:
    """Collects the rejections of a request: for each reason the message of the first item, and the count."""

    def __init__(self) -> None:
        self._by_reason: dict[str, tuple[str, int]] = {}

    def add(self, reason: str, message: str, count: int = 1) -> None:
        """Add `count` items."""
        first, before = self._by_reason.get(reason, (message, 0))
        self._by_reason[reason] = first, before + count

    def all(self) -> list[Rejection]:
        """Return one rejection for each reason."""
        return [Rejection(reason, message, count) for reason, (message, count) in self._by_reason.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """A request without the items that are not taken."""

    body: bytes
    items: int
    """Number of spans, log records or data points in the body."""
    has_items: bool
    """True if the body has any item; a metric of a newer kind is an item without known data points."""
    rejections: list[Rejection] = field(default_factory=list)


def screen(signal: Signal, body: bytes, *, max_item_bytes: int, checks_ids: bool) -> Screened:
    """Return the request without items that are too large or malformed; the same bytes if there are none.

    Args:
        signal: the signal of the request.
        body: a serialized Export*ServiceRequest.
        max_item_bytes: bytes of a span, log record or metric, at most.
        checks_ids: True if a span must have a well-formed trace id and span id.

    Raises:
        DecodeError: the body is no such request.
    """
    request = read_request(signal, body)
    _check_parts(request)
    if signal != "metrics" and not checks_ids and len(body) <= max_item_bytes:
        items = sum(len(scope.items) for scope in scopes(request))
        return Screened(body=body, items=items, has_items=items > 0)
    look = _Look(signal, max_item_bytes, checks_ids=checks_ids)
    for scope in scopes(request):
        look.at(scope)
    rejections = look.rejections.all()
    return Screened(
        body=request.SerializeToString() if rejections else body,
        items=look.items,
        has_items=look.has_items,
        rejections=rejections,
    )


def _check_parts(request: Any) -> None:
    parts = len(request.resources)
    for resource in request.resources if parts <= _MAX_PARTS else ():
        parts += len(resource.scopes)
        if parts > _MAX_PARTS:
            break
    for scope in scopes(request) if parts <= _MAX_PARTS else ():
        parts += len(scope.items)
    if parts > _MAX_PARTS:
        raise DecodeError(
            f"a request must have at most {_MAX_PARTS} resources, scopes and items, got more: send smaller batches"
        )


class _Look:
    def __init__(self, signal: Signal, max_item_bytes: int, *, checks_ids: bool) -> None:
        self._signal = signal
        self._max_item_bytes = max_item_bytes
        self._checks_ids = checks_ids and signal == "traces"
        self.items = 0
        self.has_items = False
        self.rejections = Rejections()

    def at(self, scope: Any) -> None:
        """Remove the items of one scope that are not taken."""
        items = list(scope.items)
        if self._are_usual(items):
            self.items += len(items)
            self.has_items |= bool(items)
            return
        kept = [item for item in items if self._takes(item)]
        self.has_items |= bool(kept)
        if len(kept) < len(items):
            scope.ClearField("items")
            scope.items.extend(kept)

    def _are_usual(self, items: list[bytes]) -> bool:
        """Return True if all items are well-formed, as far as can be told without parsing."""
        if self._signal == "metrics" or max(map(len, items), default=0) > self._max_item_bytes:
            return False
        return not self._checks_ids or all(map(_USUAL_IDS.match, items))

    def _takes(self, item: bytes) -> bool:
        try:
            count = count_points(item) if self._signal == "metrics" else 1
            if len(item) > self._max_item_bytes:
                self.rejections.add("too_large_item", self._too_large(len(item)), count)
                return False
            if self._checks_ids and not _USUAL_IDS.match(item):
                check_ids(*read_ids(item))
        except DecodeError as error:
            self.rejections.add("malformed_item", str(error))
            return False
        self.items += count
        return True

    def _too_large(self, length: int) -> str:
        return (
            f"a {SIGNALS[self._signal].what} must be at most {self._max_item_bytes} bytes, got {length}: "
            "record less content on it, or raise receive.max_span_bytes of the service"
        )


def check_ids(trace_id: bytes, span_id: bytes) -> None:
    """Return if both ids are well-formed.

    Raises:
        DecodeError: an id is malformed.
    """
    for name, value, length in (("trace_id", trace_id, TRACE_ID_BYTES), ("span_id", span_id, SPAN_ID_BYTES)):
        if len(value) != length or not any(value):
            raise DecodeError(f"{name} must be {length} bytes, not all zero, got {value.hex()[:80]!r}")
