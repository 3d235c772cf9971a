"""Where the receivers put requests: into the queue, less what concerns neither evaluation nor a next receiver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from otel_llm.otlp.queued import QueuedRequest, pack
from otel_llm.otlp.rebuild import rebuild
from otel_llm.otlp.requests import read_spans
from otel_llm.otlp.signals import Signal
from otel_llm.queue.base import Queue
from otel_llm.report.own_traces import OwnTraces

_EVENT_MARKER: Final = b"gen_ai."
"""Every log record with the content of a call has these bytes."""


class QueueSink:
    """The receivers' sink."""

    def __init__(
        self, queue: Queue, traces: OwnTraces, concerns: Callable[[bytes], bool], *, passes_on: bool
    ) -> None:
        """Put all there is into the queue where it is passed on, else the spans that are of concern alone."""
        self._concerns = concerns
        self._traces = traces
        self._queue = queue
        self._passes_on = passes_on

    @property
    def checks_ids(self) -> bool:
        """Whether spans with malformed ids are rejected: of what is passed on, the next receiver decides."""
        return not self._passes_on

    def takes(self, signal: Signal) -> bool:
        """Return whether there is a use for a signal."""
        return self._passes_on or signal != "metrics"

    def admits(self, signal: Signal, tenant: str, length: int) -> str | None:
        """Return why a request of so many bytes cannot be taken now; None where it can."""
        return self._queue.admits(tenant, length)

    async def put(self, request: QueuedRequest) -> None:
        """Return once the request is as safe as the queue makes it.

        Raises:
            QueueFullError: there is no room for it now.
        """
        needed = request if self._passes_on else _evaluated(request, self._concerns)
        if needed is None:
            return
        with self._traces.span("queue", {"otel_llm.signal": needed.signal, "otel_llm.items": needed.items}):
            safe = self._queue.append(pack(needed), needed.tenant)
            if safe.done():  # in memory: a turn of the event loop would cost more than all of this
                safe.result()
            else:
                await asyncio.wrap_future(safe)


def _evaluated(request: QueuedRequest, concerns: Callable[[bytes], bool]) -> QueuedRequest | None:
    """Return what of a request is evaluated; None where nothing is."""
    if request.signal == "logs":
        return request if _EVENT_MARKER in request.body else None
    spans = [span for _, spans in read_spans(request.body) for span in spans]
    others = [index for index, span in enumerate(spans) if not concerns(span)]
    if not others:
        return request
    if len(others) == len(spans):
        return None
    return QueuedRequest(
        signal=request.signal,
        body=rebuild(request.body, dict.fromkeys(others)),
        items=len(spans) - len(others),
        tenant=request.tenant,
        replayed=request.replayed,
    )
