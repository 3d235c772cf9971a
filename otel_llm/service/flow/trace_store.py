"""Documents and content of recent traces, for the calls of the same trace; and calls that wait for their content.

Documents of retrieval and tool spans go to the answers of their trace. Content that arrives in log records goes to
its span, which waits for it up to `joins.wait_s`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from otel_llm.config.flow import JoinSettings
from otel_llm.genai.decode import ContentEvent

T = TypeVar("T")

_MAX_WAITING: Final = 10_000
"""Items that may wait for their content; if more wait, the oldest leave without it."""
_TRACE_BYTES: Final = 500
"""Approximate bytes of a trace beside its texts, and of each document and event beside its text."""


def trace_key(tenant: str, trace_id: str) -> str:
    """Return the key of a trace of a tenant: traces of two tenants are different, also with the same id."""
    return trace_id + tenant


@dataclass(slots=True)
class _Trace(Generic[T]):
    seen_s: float
    documents: dict[str, None] = field(default_factory=dict)
    """Documents as keys: a set in the order of arrival."""
    events: dict[str, list[ContentEvent]] = field(default_factory=dict)
    """Content by span id."""
    bytes: int = 0
    """Approximate bytes: one for each character."""


@dataclass(slots=True)
class _WaitingItem(Generic[T]):
    until_s: float
    item: T
    size: int


class TraceStore(Generic[T]):
    """Documents and content by trace, and items that wait for their content. Used by one thread.

    The states of an item, which is a call whose span carries no messages:

        waiting --its answer came | its time is up | too many wait | its span came again--> due --take_due--> gone

    A trace is forgotten `keep_s` after its last document or content. Traces are bounded by `max_bytes`: the oldest
    make room. Waiting items have the same bound of their own, and are at most 10,000. Parameters named `trace` are
    results of `trace_key`.
    """

    def __init__(self, settings: JoinSettings, clock: Callable[[], float]) -> None:
        self._wait_s = settings.wait_s
        self._keep_s = settings.keep_s
        self._max_bytes = settings.max_bytes
        self._clock = clock
        self._traces: OrderedDict[str, _Trace[T]] = OrderedDict()
        self._bytes = 0
        self._waiting: OrderedDict[tuple[str, str], _WaitingItem[T]] = OrderedDict()
        """Items by trace and span id, in the order in which their time is up."""
        self._answered: list[tuple[str, str]] = []
        """Keys of items whose answer has come since the last `take_due`."""
        self._displaced: list[T] = []
        """Items whose span came again: the newer item waits now."""
        self._waiting_bytes = 0

    def add_documents(self, trace: str, documents: Sequence[str]) -> None:
        """Keep documents for the calls of a trace, each document once."""
        kept = self._trace(trace)
        new = [document for document in dict.fromkeys(documents) if document not in kept.documents]
        kept.documents.update(dict.fromkeys(new))
        self._grow(kept, sum(len(document) + _TRACE_BYTES for document in new))

    def add_event(self, trace: str, event: ContentEvent) -> None:
        """Keep the content of a span."""
        kept = self._trace(trace)
        kept.events.setdefault(event.span_id, []).append(event)
        key = (trace, event.span_id)
        if event.output and key in self._waiting:
            self._answered.append(key)
        texts = [event.system, *(part.text for message in (*event.input, *event.output) for part in message.parts)]
        self._grow(kept, sum(map(len, texts)) + _TRACE_BYTES)

    def documents(self, trace: str) -> Sequence[str]:
        """Return the documents of a trace."""
        kept = self._traces.get(trace)
        return tuple(kept.documents) if kept else ()

    def events(self, trace: str, span_id: str) -> Sequence[ContentEvent]:
        """Return the content that has come for a span."""
        kept = self._traces.get(trace)
        return kept.events.get(span_id, ()) if kept else ()

    def is_complete(self, trace: str, span_id: str) -> bool:
        """Return True if the answer of a span has come; the answer is the last of its content."""
        return any(event.output for event in self.events(trace, span_id))

    def wait(self, trace: str, span_id: str, item: T, size: int) -> None:
        """Keep an item of `size` bytes until its answer has come or its time is up."""
        key = (trace, span_id)
        if key in self._waiting:
            self._displaced.append(self._take(key))
        self._waiting[key] = _WaitingItem(self._clock() + self._wait_s, item, size)
        self._waiting_bytes += size

    def take_due(self) -> list[T]:
        """Remove and return the items that are due."""
        self._expire()
        now, keys, items = self._clock(), self._answered, self._displaced
        self._answered, self._displaced = [], []
        items += [self._take(key) for key in dict.fromkeys(keys) if key in self._waiting]
        while self._waiting:
            key, first = next(iter(self._waiting.items()))
            is_too_much = len(self._waiting) > _MAX_WAITING or self._waiting_bytes > self._max_bytes
            if first.until_s > now and not is_too_much:
                break
            items.append(self._take(key))
        return items

    def take_all(self) -> list[T]:
        """Remove and return all items; later items are due at once. Called once the service stops."""
        self._wait_s = 0.0
        items, self._displaced = self._displaced, []
        items += [self._take(key) for key in list(self._waiting)]
        self._answered.clear()
        return items

    def next_due_s(self) -> float:
        """Return the seconds until the time of the first item is up; infinite where none waits."""
        first = next(iter(self._waiting.values()), None)
        return math.inf if first is None else max(0.0, first.until_s - self._clock())

    def _take(self, key: tuple[str, str]) -> T:
        waiting = self._waiting.pop(key)
        self._waiting_bytes -= waiting.size
        return waiting.item

    def _trace(self, trace: str) -> _Trace[T]:
        now = self._clock()
        kept = self._traces.get(trace)
        if kept is None:
            kept = self._traces[trace] = _Trace(now)
            self._grow(kept, _TRACE_BYTES)
        kept.seen_s = now
        self._traces.move_to_end(trace)
        return kept

    def _grow(self, trace: _Trace[T], size: int) -> None:
        trace.bytes += size
        self._bytes += size
        self._expire()

    def _expire(self) -> None:
        """Forget the traces that are too old, and the oldest while there are too many bytes."""
        oldest_s = self._clock() - self._keep_s
        while self._traces:
            oldest = next(iter(self._traces.values()))
            if oldest.seen_s >= oldest_s and self._bytes <= self._max_bytes:
                return
            self._traces.popitem(last=False)
            self._bytes -= oldest.bytes
