"""CPU, memory and uptime of this process as metrics, named as the OpenTelemetry Collector names its own."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from otel_llm import names
from otel_llm.names import Metric


def watch_process(meter: Meter) -> None:
    """Report CPU, memory and uptime of the process at each scrape."""
    process = psutil.Process()
    # not the start time of the process: its time of day needs /proc/stat, which a sandbox may hide
    started_s = time.monotonic()

    def cpu_s() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    _observe(meter, names.PROCESS_UPTIME, lambda: time.monotonic() - started_s)
    _observe(meter, names.PROCESS_CPU, cpu_s)
    _observe(meter, names.PROCESS_MEMORY_RSS, lambda: process.memory_info().rss)


def _observe(meter: Meter, metric: Metric, value: Callable[[], float]) -> None:
    def callback(_: CallbackOptions) -> list[Observation]:
        return [Observation(value())]

    is_counter = metric.kind == "counter"
    create = meter.create_observable_counter if is_counter else meter.create_observable_gauge
    create(metric.name, [callback], metric.unit, metric.description)
