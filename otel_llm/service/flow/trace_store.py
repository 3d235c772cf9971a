"""What the spans and log records of one trace have for each other, for as long as the trace is fresh.

Documents of retrieval and tool spans go to the answers of their trace. Content that arrives as events goes to its
span, which waits for it a while.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from otel_llm.config.service import JoinSettings
from otel_llm.genai.decode import ContentEvent

T = TypeVar("T")

_MAX_WAITING: Final = 10_000
"""Items that wait for their content, at most: of more, the oldest go on without it."""
_TRACE_BYTES: Final = 500
"""What a trace costs beside its texts, about; and each document and event in it."""


def trace_key(tenant: str, trace_id: str) -> str:
    """Return what stands for a trace of a tenant: another tenant's with the same id has nothing to do with it."""
    return trace_id + tenant


@dataclass(slots=True)
class _Trace(Generic[T]):
    seen_s: float
    documents: dict[str, None] = field(default_factory=dict)
    """A set that keeps their order."""
    events: dict[str, list[ContentEvent]] = field(default_factory=dict)
    """By span id."""
    bytes: int = 0
    """Characters, about."""


@dataclass(slots=True)
class _Waiting(Generic[T]):
    until_s: float
    item: T
    size: int


class Joins(Generic[T]):
    """A bounded, timed store of what belongs together. Used by one thread.

    The oldest trace makes room for a new one. An item that waits leaves by `due`, with its content or without.
    Traces are told apart by `trace`, which is `trace_key`.
    """

    def __init__(self, settings: JoinSettings, clock: Callable[[], float]) -> None:
        self._wait_s = settings.wait_s
        self._keep_s = settings.keep_s
        self._max_bytes = settings.max_bytes
        self._clock = clock
        self._traces: OrderedDict[str, _Trace[T]] = OrderedDict()
        self._bytes = 0
        self._waiting: OrderedDict[tuple[str, str], _Waiting[T]] = OrderedDict()
        """By trace and span id, in the order in which their time is up."""
        self._answered: list[tuple[str, str]] = []
        """Of those, the ones whose answer has come since `due`."""
        self._displaced: list[T] = []
        """Items that waited for a span for which another one waits now."""
        self._waiting_bytes = 0

    def add_documents(self, trace: str, documents: Sequence[str]) -> None:
        """Keep documents for the answers of their trace, without repeats."""
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
        """Return what is known of a trace."""
        kept = self._traces.get(trace)
        return tuple(kept.documents) if kept else ()

    def events(self, trace: str, span_id: str) -> Sequence[ContentEvent]:
        """Return the content that has come for a span."""
        kept = self._traces.get(trace)
        return kept.events.get(span_id, ()) if kept else ()

    def is_complete(self, trace: str, span_id: str) -> bool:
        """Return whether the answer of a span has come: of its events, it is the last."""
        return any(event.output for event in self.events(trace, span_id))

    def wait(self, trace: str, span_id: str, item: T, size: int) -> None:
        """Keep an item of so many bytes until its answer has come, or its time is up."""
        key = (trace, span_id)
        if key in self._waiting:
            self._displaced.append(self._leave(key))
        self._waiting[key] = _Waiting(self._clock() + self._wait_s, item, size)
        self._waiting_bytes += size

    def due(self) -> list[T]:
        """Take the items whose answer has come, whose time is up, or for which there are too many."""
        self._expire()
        now, keys, items = self._clock(), self._answered, self._displaced
        self._answered, self._displaced = [], []
        items += [self._leave(key) for key in dict.fromkeys(keys) if key in self._waiting]
        while self._waiting:
            key, first = next(iter(self._waiting.items()))
            is_too_much = len(self._waiting) > _MAX_WAITING or self._waiting_bytes > self._max_bytes
            if first.until_s > now and not is_too_much:
                break
            items.append(self._leave(key))
        return items

    def rest(self) -> list[T]:
        """Take all items that wait, and from now on let none wait long: the end has begun."""
        self._wait_s = 0.0
        items, self._displaced = self._displaced, []
        items += [self._leave(key) for key in list(self._waiting)]
        self._answered.clear()
        return items

    def next_due_s(self) -> float:
        """Return how long it is until an item's time is up; infinite where none waits."""
        first = next(iter(self._waiting.values()), None)
        return math.inf if first is None else max(0.0, first.until_s - self._clock())

    def _leave(self, key: tuple[str, str]) -> T:
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
        """Let go of traces that are old, and of the oldest while there is too much."""
        oldest_s = self._clock() - self._keep_s
        while self._traces:
            oldest = next(iter(self._traces.values()))
            if oldest.seen_s >= oldest_s and self._bytes <= self._max_bytes:
                return
            self._traces.popitem(last=False)
            self._bytes -= oldest.bytes
