"""What arrives of the calls of a program that has ended."""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from otlp_sink import OtlpSink

from otel_llm import names

FOLDER = Path(__file__).parent


class Delivered(NamedTuple):
    """What came of the calls of a program."""

    status: int
    """The exit status."""
    spans: int
    """Spans of calls. A span that came twice counts twice."""
    metrics: int
    """Calls in the metric of durations, over all processes."""
    output: str


def counted(sink: OtlpSink) -> tuple[int, int]:
    """Return the calls in spans, and the calls in metrics, of which each process has the latest sum."""
    spans = sum(span.name == "chat gpt-4o-mini" for _, span in sink.spans)
    latest: Counter[str] = Counter()
    for resource, metric in sink.metrics:
        if metric.name == names.OPERATION_DURATION.name:
            latest[resource["service.instance.id"]] = sum(point.count for point in metric.histogram.data_points)
    return spans, latest.total()


def environment(**variables: str) -> dict[str, str]:
    """Return an environment in which nothing is exported before the end of the process."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return {
        **clean, "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(FOLDER),
        "OTEL_METRIC_EXPORT_INTERVAL": "600000", "OTEL_BSP_SCHEDULE_DELAY": "600000", **variables,
    }  # fmt: skip


def table(begin: str, page: str) -> str:
    """Return a generated table of a page."""
    return page.partition(begin)[2].partition("<!-- end -->\n")[0]
