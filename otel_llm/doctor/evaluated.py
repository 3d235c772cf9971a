"""Whether the evaluation service runs, what arrives there, and what comes of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from otel_llm import names
from otel_llm.doctor.finding import Finding, note, ok, wrong
from otel_llm.doctor.pages import UnreachableError, page

_SAMPLE: Final = re.compile(r"(?m)^(\w+)(?:\{([^\n]*)\})? ([^\s]+)$")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CONTENT: Final = (
    "the spans have no content: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY for the application"
)


def evaluated(url: str, *, asked: bool) -> Iterator[Finding]:
    """Yield what the service at `url` says of itself.

    Args:
        url: base URL of the service's telemetry, such as http://localhost:8888.
        asked: True if the user named the URL: then it is wrong if no service is there.
    """
    try:
        ready, metrics = page(f"{url}/readyz"), page(f"{url}/metrics").text
    except UnreachableError as error:
        remedy = "start it with `otel-llm collector`, or name its telemetry port with --service URL"
        text = f"no evaluation service at {url}: {error}"
        yield wrong(text, remedy) if asked else note(text, remedy)
        return
    if "otelcol_process_uptime_seconds_total" not in metrics:
        yield wrong(
            f"{url} is no evaluation service: it has none of its metrics",
            "name its telemetry port with --service URL",
        )
        return
    if ready.status == HTTPStatus.OK:
        yield ok(f"the service at {url} is ready")
    else:
        yield wrong(
            f"the service at {url} is not ready: {ready.text[:200].strip()}",
            "its log says why; `otel-llm collector --check` checks its settings",
        )
    yield from _counts(metrics)


def _counts(metrics: str) -> Iterator[Finding]:
    spans = sum(values_of(metrics, names.RECEIVER_ACCEPTED_SPANS.prometheus_name, "transport").values())
    if not spans:
        yield wrong(
            "no span has arrived at the service", "let the Collector, or the application, send its traces there"
        )
        return
    labels = values_of(metrics, names.EVALUATIONS.prometheus_name, names.LABEL_LABEL)
    counted = ", ".join(f"{count:,.0f} {label}" for label, count in sorted(labels.items()))
    if not labels:
        yield wrong(
            f"{spans:,.0f} spans have arrived, and no call was among them",
            "are they spans of LLM calls? docs/dialects.md",
        )
    elif set(labels) == {"not_applicable"}:
        yield wrong(f"{spans:,.0f} spans have arrived, and no result applies ({counted})", _CONTENT)
    else:
        yield ok(f"{spans:,.0f} spans have arrived; results: {counted}")
    if errors := labels.get("error"):
        yield wrong(
            f"{errors:,.0f} results are errors", "the service's log and its page /debug say which evaluator fails"
        )
    for metric, label, remedy in (
        (names.DEAD_LETTERS, names.LABEL_STAGE, "otel-llm collector replay FILE --list shows them"),
        (names.REFUSALS, names.LABEL_REASON, "the service's log says what was refused and why: docs/otlp.md"),
    ):
        for value, count in values_of(metrics, metric.prometheus_name, label).items():
            if count:
                yield note(f"{metric.prometheus_name}: {count:,.0f} of {label} {value}", remedy)
    if dropped := values_of(metrics, names.METRIC_POINTS_DROPPED.prometheus_name, "").get("", 0):
        yield note(
            f"{dropped:,.0f} data points of applications were dropped",
            "set forward.endpoint, or send metrics to your Collector",
        )


def values_of(metrics: str, name: str, label: str) -> Counter[str]:
    """Return the sums of a metric's samples by the values of a label; under "" those without the label."""
    sums: Counter[str] = Counter()
    for found, labels, value in _SAMPLE.findall(metrics):
        if found == name:
            sums[dict(_LABEL.findall(labels)).get(label, "")] += float(value)  # type: ignore[assignment]
    return sums
