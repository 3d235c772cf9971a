"""Spans of calls that ended before their price was loaded: each ends once, with its cost if that comes in time.

The list of prices is imported on the worker, which takes some 0.3 s at a process's first call. A span that would
end before is held here, and the worker ends it, with the time at which its call ended. A watch, which is a thread
that runs only while spans wait, ends those that have waited too long. The exit of the process ends what is left.
"""

from __future__ import annotations

import _thread
import itertools
import threading
import time
from typing import Final, NamedTuple

from opentelemetry.trace import Span

from otel_llm import names
from otel_llm.instrument.cost.prices import Cost
from otel_llm.instrument.guard import report

_WAIT_S: Final = 5.0


class _Late(NamedTuple):
    span: Span
    end_ns: int
    """When its call ended, since the epoch."""
    deadline: float
    """When it ends without its cost, by time.monotonic()."""


_numbers: Final = itertools.count()
_waiting: Final[dict[int, _Late]] = {}
"""As many at most as the worker has tasks. Who takes a span out of it ends it."""
_watches: Final[list[threading.Event]] = []
"""What tells a thread that watches that no span waits any more; none while no thread watches."""


def hold(span: Span, end_ns: int) -> int | None:
    """Return the number under which `end` ends the span; None if it cannot wait, and is to be ended now."""
    number = next(_numbers)
    _waiting[number] = _Late(span, end_ns, time.monotonic() + _WAIT_S)
    return number if _is_watched() or _waiting.pop(number, None) is None else None


def end(number: int, cost: Cost | None) -> None:
    """End a span that was held, with its cost if that is known, unless it has been ended meanwhile."""
    late = _waiting.pop(number, None)
    if late is None:
        return
    try:
        if cost is not None:
            cost_usd, source = cost
            late.span.set_attributes({names.USAGE_COST: cost_usd, names.USAGE_COST_SOURCE: source})
    finally:
        late.span.end(late.end_ns)
        if not _waiting:
            for none_waits in tuple(_watches):
                none_waits.set()


def end_all() -> None:
    """End all spans that wait, without their cost: the process exits."""
    for number in tuple(_waiting):
        end(number, None)


def forget_all() -> None:
    """Have this process, which was forked, end none of the spans that wait: their calls are the parent's."""
    _waiting.clear()
    _watches.clear()


def _is_watched() -> bool:
    if _watches:
        return True
    none_waits = threading.Event()
    _watches.append(none_waits)
    try:
        _thread.start_new_thread(_watch, (none_waits,))
    except RuntimeError as error:  # the process is at its limit of threads, or ends
        _watches.remove(none_waits)
        report("starting a thread", error)
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
        # Who holds a span from here on starts a watch of its own; who did so before that line has not.
        if not _waiting or _watches:
            return
        _watches.append(none_waits)
