"""Requests from the receivers into the queue, without what concerns neither the evaluation nor a next receiver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from otel_llm.otlp.queued import QueuedRequest, pack
from otel_llm.otlp.rebuild import rebuild
from otel_llm.otlp.requests import read_spans
from otel_llm.otlp.signals import Signal
from otel_llm.queue.base import Queue
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.own_traces import OwnTraces

_EVENT_MARKER: Final = b"gen_ai."
"""Bytes that every log record with the content of a call has."""


_log: Final = logging.getLogger(__name__)


class QueueSink:
    """The receivers' sink. Used in the event loop; `concerns` is called there too.

    An application sends spans and metrics to one endpoint. Metrics that nothing receives next are taken and
    dropped: a refusal would be an error in the application's log for each interval.
    """

    def __init__(
        self,
        queue: Queue,
        traces: OwnTraces,
        metrics: ServiceMetrics,
        concerns: Callable[[bytes], bool],
        *,
        forwards: bool,
    ) -> None:
        """Put requests into the queue: whole if `forwards`, else only the spans that `concerns` selects."""
        self._concerns = concerns
        self._traces = traces
        self._metrics = metrics
        self._queue = queue
        self._forwards = forwards
        self._has_dropped = False

    @property
    def checks_ids(self) -> bool:
        """True if spans with malformed ids are rejected. If requests are forwarded, the next receiver decides."""
        return not self._forwards

    @property
    def forwards(self) -> bool:
        """True if requests go on to a next receiver."""
        return self._forwards

    def admits(self, signal: Signal, tenant: str, length: int) -> str | None:
        """Return why a request of `length` bytes cannot be taken now; None if it can."""
        return self._queue.admits(tenant, length)

    async def put(self, request: QueuedRequest) -> None:
        """Return once the request is as safe as the queue makes it.

        Raises:
            QueueFullError: there is no room for the request now.
        """
        if request.signal == "metrics" and not self._forwards:
            self._drop(request)
            return
        needed = request if self._forwards else _evaluated(request, self._concerns)
        if needed is None:
            return
        with self._traces.span("queue", {"otel_llm.signal": needed.signal, "otel_llm.items": needed.items}):
            safe = self._queue.append(pack(needed), needed.tenant)
            if safe.done():  # a queue in memory: a turn of the event loop would cost more than all of `put`
                safe.result()
            else:
                await asyncio.wrap_future(safe)

    def _drop(self, request: QueuedRequest) -> None:
        self._metrics.dropped(request.items)
        if not self._has_dropped:
            self._has_dropped = True
            _log.warning(
                "metrics arrive and are dropped: set forward.endpoint to pass them on, or let the applications "
                "send theirs elsewhere (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT); this is logged once"
            )


def _evaluated(request: QueuedRequest, concerns: Callable[[bytes], bool]) -> QueuedRequest | None:
    """Return the part of a request that is evaluated; None if there is none."""
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
