"""The definition of a panel, and the queries that many panels share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from otel_llm.dashboards.promql import Part, rate, select, total
from otel_llm.names import OPERATION_DURATION, REQUEST_MODEL, SERVICE_NAME, Metric, prometheus_label

# variable -> the attribute that it filters by; a panel's query filters by those that its metric has
VARIABLES: Final = {"service_name": SERVICE_NAME, "model": REQUEST_MODEL}


@dataclass(frozen=True, kw_only=True)
class Query:
    """One PromQL expression of a panel, with the legend of its lines."""

    expression: str
    legend: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel."""

    id: int
    title: str
    description: str
    unit: str
    """A unit of Grafana's: https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts."""
    queries: tuple[Query, ...]
    kind: Literal["lines", "areas", "number", "state"] = "lines"
    width: int = 12
    """Columns, of 24."""
    threshold: float | None = None
    """The alert's threshold, drawn as a red line. None means that no alert watches the panel."""
    names: tuple[tuple[float, str, str], ...] = ()
    """For each value: the value, its name, its colour."""


def chosen(metric: Metric, *conditions: str, part: Part = "") -> str:
    """Return a selector that follows the dashboard's variables."""
    filters = [
        f'{prometheus_label(attribute)}=~"${variable}"'
        for variable, attribute in VARIABLES.items()
        if attribute in metric.labels
    ]
    return select(metric, *filters, *conditions, part=part)


def calls(*conditions: str) -> str:
    """Return the rate of calls, in calls a second."""
    return rate(chosen(OPERATION_DURATION, *conditions, part="_count"))


def legend(*labels: str) -> str:
    """Return what a line is called by the values of its labels."""
    return " · ".join(f"{{{{{prometheus_label(label)}}}}}" for label in labels)


def quantiles(metric: Metric, *labels: str, of: tuple[float, ...] = (0.5, 0.95, 0.99)) -> tuple[Query, ...]:
    """Return the queries of a histogram\'s quantiles, for each set of labels."""
    buckets = total(rate(chosen(metric, part="_bucket")), "le", *labels)
    return tuple(
        Query(
            expression=f"histogram_quantile({q:g}, {buckets})",
            legend=" · ".join(filter(None, (legend(*labels), f"p{100 * q:g}"))),
        )
        for q in of
    )


def by(expression: str, *labels: str) -> tuple[Query, ...]:
    """Return the query of an expression\'s sum for each set of labels."""
    return (Query(expression=total(expression, *labels), legend=legend(*labels)),)
