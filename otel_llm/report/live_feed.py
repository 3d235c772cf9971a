"""The live feed: every evaluated call as one line of JSON, to every subscriber."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final
from weakref import WeakSet

from otel_llm.evaluate.definition.result import DriftState, Result
from otel_llm.genai.call import Call

_TEXT_CHARACTERS: Final = 200
_BACKLOG_LINES: Final = 1000


class LiveFeed:
    """Lines to any number of subscribers, in the event loop. Any thread may publish, which never blocks.

    Each subscriber has the newest `_BACKLOG_LINES` lines; one that reads too slowly loses the oldest.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve subscribers in `loop`."""
        self._loop = loop
        # weak: a subscription goes with the response of a reader that hung up, whatever its state
        self._subscribers: WeakSet[Subscription] = WeakSet()

    def publish(self, calls: Sequence[Call], results: Iterable[Result], drift: Sequence[DriftState]) -> None:
        """Send one line per call, from any thread. A result belongs to its call object, not to an equal one."""
        if not self._subscribers:
            return
        by_call: dict[int, list[Result]] = defaultdict(list)
        for result in results:
            by_call[id(result.call)].append(result)
        lines = [
            _line(call, by_call[id(call)], [state for state in drift if state.service == call.service])
            for call in calls
        ]
        self._loop.call_soon_threadsafe(self._distribute, lines)

    def subscribe(self) -> Subscription:
        """Return a subscription to the lines from now on."""
        subscription = Subscription()
        self._subscribers.add(subscription)
        return subscription

    def close(self) -> None:
        """End every subscription once its lines are read."""
        for subscription in self._subscribers:
            subscription.end()

    def _distribute(self, lines: Sequence[bytes]) -> None:
        for subscription in self._subscribers:
            subscription.add(lines)


class Subscription:
    """The newest lines for one reader; used in the event loop alone."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=_BACKLOG_LINES)
        self._changed = asyncio.Event()
        self._ended = False

    def add(self, lines: Iterable[bytes]) -> None:
        """Add lines; beyond the bound the oldest are dropped."""
        self._lines.extend(lines)
        self._changed.set()

    def end(self) -> None:
        """End after the lines that are left."""
        self._ended = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._ended or self._lines:
            while self._lines:
                yield self._lines.popleft()
            if not self._ended:
                self._changed.clear()
                await self._changed.wait()


def _line(call: Call, results: Iterable[Result], drift: Iterable[DriftState]) -> bytes:
    fields: dict[str, Any] = {
        "trace_id": call.trace_id,
        "span_id": call.span_id,
        "service": call.service,
        "operation": call.operation,
        "provider": call.provider or None,
        "model": call.request_model or call.response_model,
        "input": call.input_text[:_TEXT_CHARACTERS] or None,
        "output": call.output_text[:_TEXT_CHARACTERS] or None,
        "input_tokens": call.usage.input_tokens,
        "output_tokens": call.usage.output_tokens,
        "cost_usd": call.usage.cost_usd,
        "start_ns": call.start_ns,
        "duration_s": call.duration_s,
        "time_to_first_chunk_s": call.time_to_first_chunk_s,
        "stream": call.stream,
        "error_type": call.error_type,
        "results": [
            {
                "evaluator": result.evaluator,
                "target": result.target,
                "label": result.label,
                "score": result.score,
                "explanation": result.explanation,
            }
            for result in results
        ],
        "drift": [
            {
                "service": state.service,
                "detector": state.detector,
                "target": state.target,
                "baseline": state.baseline,
                "count": state.count,
                "window": state.window,
                "statistic": state.statistic,
                "threshold": state.threshold,
                "alarm": state.alarm,
            }
            for state in drift
        ],
    }
    return json.dumps(fields).encode() + b"\n"
