"""Spans of calls that ended before their price was loaded: each ends once, with its cost if that comes in time.

The list of prices is imported on the worker, which takes some 0.3 s at a process's first call. A span that would
end before is held here, and the worker ends it, with the time at which its call ended. A watch, which is a thread
that runs only while spans wait, ends those that have waited too long. A flush or shutdown of the span's provider
waits for the cost, then ends what is left before the exporters are flushed; so does the exit of the process.
"""

from __future__ import annotations

import _thread
import itertools
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.cost.prices import Cost
from otel_llm.instrument.guard import guarded, report_no_thread

_WAIT_S: Final = 5.0
_FLUSH_S: Final = 3.0
"""Maximum of seconds that a flush of the provider waits for costs."""
_MULTI_PROCESSOR: Final = ("opentelemetry.sdk.trace", "SynchronousMultiSpanProcessor")


class HeldSpan(Protocol):
    """The part of a span that is needed here."""

    def set_attributes(self, attributes: Mapping[str, AttributeValue], /) -> None:
        """Add attributes."""

    def end(self, end_time: int | None = None, /) -> None:
        """End the span."""


class _Late(NamedTuple):
    span: HeldSpan
    end_ns: int
    """Nanoseconds since the epoch at which the call ended."""
    deadline: float
    """Seconds, by time.monotonic(), at which the span ends without its cost."""


_numbers: Final = itertools.count()
_waiting: Final[dict[int, _Late]] = {}
"""The held spans by number, at most as many as the worker's tasks. The code that takes out a span ends it."""
_unended: Final[dict[int, threading.Event]] = {}
"""The events that tell the end of each span, by number. A span taken out of `_waiting` may still be ending."""
_told: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
"""The SDK's lists of processors that contain our processor."""
_watches: Final[list[threading.Event]] = []
"""The events that tell the watching thread that no span waits any more. Empty while no thread watches."""


def hold(span: HeldSpan, end_ns: int) -> int | None:
    """Return the number under which `end` ends the span; None if the span cannot wait and must be ended now."""
    if not _is_told_of_flushes(span):
        return None
    number = next(_numbers)
    _unended[number] = threading.Event()
    _waiting[number] = _Late(span, end_ns, time.monotonic() + _WAIT_S)
    if _is_watched() or _waiting.pop(number, None) is None:
        return number
    _unended.pop(number, None)
    return None


def end(number: int, cost: Cost | None) -> None:
    """End a held span, with its cost if the cost is known, unless the span has been ended meanwhile."""
    late = _waiting.pop(number, None)
    if late is None:
        return
    try:
        if cost is not None:
            cost_usd, source = cost
            late.span.set_attributes({names.USAGE_COST: cost_usd, names.USAGE_COST_SOURCE: source})
    finally:
        try:
            late.span.end(late.end_ns)
        finally:
            if (ended := _unended.pop(number, None)) is not None:
                ended.set()
        if not _waiting:
            for none_waits in tuple(_watches):
                none_waits.set()


def end_all() -> None:
    """End all held spans without their cost: the process exits."""
    for number in tuple(_waiting):
        end(number, None)


def forget_all() -> None:
    """Forget all held spans in a forked process: their calls belong to the parent, which ends the spans."""
    _waiting.clear()
    _unended.clear()
    _watches.clear()


class _Flushes:
    """A span processor that ends the late spans when their provider is flushed or shut down.

    It is the first of the provider's processors, so that the exporters behind it still get the spans.
    """

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Do nothing."""

    def _on_ending(self, span: Any) -> None:
        pass

    def on_end(self, span: Any) -> None:
        """Do nothing."""

    def shutdown(self) -> None:
        """End all held spans when their cost is known."""
        _end_within(_FLUSH_S)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """End all held spans when their cost is known. Half of the timeout is left to the other processors."""
        _end_within(min(_FLUSH_S, timeout_millis / 2_000))
        return True


_FLUSHES: Final = _Flushes()


@guarded("ending late spans")
def _end_within(timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    for number, ended in tuple(_unended.items()):
        if not ended.wait(max(0.0, until - time.monotonic())):
            end(number, None)


def _is_told_of_flushes(span: Any) -> bool:
    """Return True if a flush of the span's provider ends late spans. Without this, a held span may be lost.

    The public `add_span_processor` would put ours behind the exporters. With processors that run at the same time,
    or another make of the API, no span waits.
    """
    processors: Any = getattr(span, "_span_processor", None)
    if processors in _told:
        return True
    if (type(processors).__module__, type(processors).__qualname__) != _MULTI_PROCESSOR:
        return False
    with processors._lock:
        if _FLUSHES not in processors._span_processors:
            processors._span_processors = (_FLUSHES, *processors._span_processors)
    _told.add(processors)
    return True


def _is_watched() -> bool:
    if _watches:
        return True
    none_waits = threading.Event()
    _watches.append(none_waits)
    try:
        _thread.start_new_thread(_watch, (none_waits,))
    except RuntimeError as error:  # the process has reached its limit of threads, or ends
        _watches.remove(none_waits)
        report_no_thread(error)
        return False
    return True


def _watch(none_waits: threading.Event) -> None:
    while True:
        none_waits.wait(_WAIT_S)
        none_waits.clear()
        now = time.monotonic()
        for number, late in tuple(_waiting.items()):
            if late.deadline <= now:
                end(number, None)
        if _waiting:
            continue
        _watches.remove(none_waits)
        # A span held after the line above starts a watch of its own; a span held before that line has none.
        if not _waiting or _watches:
            return
        _watches.append(none_waits)
