"""PromQL from the metrics of `names.py`: selectors, increases and shares."""

from __future__ import annotations

from textwrap import indent
from typing import Literal

from otel_llm.names import Metric, prometheus_label

Part = Literal["", "_count", "_sum", "_bucket"]


def select(metric: Metric, *conditions: str, part: Part = "") -> str:
    """Return a selector of the metric's series; a histogram has one `part` for each of its three kinds of series.

    >>> from otel_llm.names import OPERATION_DURATION
    >>> select(OPERATION_DURATION, 'error_type!=""', part="_count")
    'gen_ai_client_operation_duration_seconds_count{error_type!=""}'
    """
    matchers = f"{{{', '.join(conditions)}}}" if conditions else ""
    return f"{metric.prometheus_name}{part}{matchers}"


def total(expression: str, *labels: str) -> str:
    """Return the sum by the labels, named as attributes: `service.name`."""
    return f"sum{_by(labels)} ({_nested(expression)})"


def highest(expression: str, *labels: str) -> str:
    """Return the maximum by the labels, named as attributes."""
    return f"max{_by(labels)} ({_nested(expression)})"


def rate(selector: str) -> str:
    """Return the rate per second, over what Grafana finds right for the panel's width and the scrape interval."""
    return f"rate({selector}[$__rate_interval])"


def increase(selector: str, window: str) -> str:
    """Return what the counters grew by in the window, the first value of a series that is new in it included.

    PromQL's `increase` sees no growth in a series that appears with its first value, and that is how failures
    arrive: the first errors of a kind, counted between two scrapes, make a series that starts at their number.
    A series is new when the window before had none of it, so gaps shorter than the window do not count.
    """
    new = f"last_over_time({selector}[{window}]) unless last_over_time({selector}[{window}] offset {window})"
    return f"({new})\nor increase({selector}[{window}])"


def share(part: str, whole: str) -> str:
    """Return part / whole, which are sums by the same labels: 0 where there is no part, nothing where no whole."""
    return f"(\n{indent(part, '  ')}\n  or 0 * {whole}\n)\n/ ({whole} > 0)"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(prometheus_label(label) for label in labels)})" if labels else ""


def _nested(expression: str) -> str:
    return f"\n{indent(expression, '  ')}\n" if "\n" in expression else expression
