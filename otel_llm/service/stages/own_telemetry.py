"""The service's own telemetry: metrics, the telemetry port, spans."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Final

from otel_llm.config.report import MetricSettings, TraceSettings
from otel_llm.receive.http.asgi import AsgiServer
from otel_llm.report.gpu_metrics import watch_gpus
from otel_llm.report.live_feed import LiveFeed
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.own_traces import OwnTraces
from otel_llm.report.process_metrics import watch_process
from otel_llm.report.telemetry import ServiceTelemetry
from otel_llm.service.background import in_background
from otel_llm.service.stages.base import Deadline, stage

_log: Final = logging.getLogger(__name__)


@stage("metrics")
async def open_metrics(settings: MetricSettings) -> AsyncIterator[ServiceMetrics]:
    """Have the service's metrics, with those of the process and the GPUs."""
    metrics = ServiceMetrics(max_label_values=settings.max_label_values)
    try:
        watch_process(metrics.meter)
        watch_gpus(metrics.meter)
        yield metrics
    finally:
        metrics.close()


@stage("telemetry port")
async def serving_telemetry(
    metrics: ServiceMetrics, feed: LiveFeed | None, sock: socket.socket, deadline: Deadline
) -> AsyncIterator[ServiceTelemetry]:
    """Serve the telemetry port; not ready yet. At the end, streams of the feed end first."""
    telemetry = ServiceTelemetry(metrics, feed)
    server = AsgiServer(telemetry.app, sock, timeout_s=deadline.last_s)
    try:
        await server.start()
        yield telemetry
    finally:
        if feed:
            feed.close()
        await server.stop()


@stage("own spans")
async def open_traces(settings: TraceSettings, deadline: Deadline) -> AsyncIterator[OwnTraces]:
    """Have the service's own spans. At the end, the last ones are sent if there is time."""
    traces = OwnTraces(settings)
    try:
        yield traces
    finally:
        try:
            async with asyncio.timeout(max(deadline.left_s(), deadline.last_s)):
                await in_background("end traces", traces.close)
        except TimeoutError:
            _log.warning("the service's own spans were not sent before shutdown_timeout_s was over")
