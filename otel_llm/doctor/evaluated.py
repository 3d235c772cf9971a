"""Whether the evaluation service runs, what arrives there, and what comes of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from otel_llm import names
from otel_llm.doctor.finding import Finding, counted, note, ok, wrong
from otel_llm.doctor.pages import Page, UnreachableError, page

_SAMPLE: Final = re.compile(r"(?m)^(\w+)(?:\{([^\n]*)\})? ([^\s]+)$")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CONTENT: Final = (
    "the spans have no content: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY for the application"
)
_LOSSES: Final = (
    (names.DEAD_LETTERS, names.LABEL_STAGE, (), "otel-llm collector replay FILE --list shows them"),
    (names.REFUSALS, names.LABEL_REASON, (), "the service's log says what was refused and why: docs/otlp.md"),
    (names.SPANS_NOT_EVALUATED, names.LABEL_REASON, ("no_content",), _CONTENT),
    (names.SPANS_NOT_EVALUATED, names.LABEL_REASON, ("unknown_operation", "unreadable"), "docs/dialects.md"),
    (names.CONTENT_PROBLEMS, names.LABEL_REASON, (), "docs/dialects.md, What cannot be read"),
)
"""Metrics of what was lost: the label, its values that are a loss (none named: all), and the remedy."""


def evaluated(*urls: str, asked: bool) -> Iterator[Finding]:
    """Yield what the service says of itself, at the first of the URLs that has one.

    Args:
        urls: base URLs of the service's telemetry, such as http://localhost:8888.
        asked: True if the user named the URL: then it is wrong if no service is there.
    """
    reasons = []
    for url in urls:
        try:
            ready, metrics = page(f"{url}/readyz"), page(f"{url}/metrics").text
            # a service that starts has a page of readiness, and no metrics yet
            if names.QUEUE_CAPACITY.prometheus_name in metrics or ready.text.startswith('{"ready":'):
                yield from _service(url, ready, metrics)
                return
            reasons.append(f"{url}: what answers there is another program")
        except UnreachableError as error:
            reasons.append(f"{url}: {error}")
    text = f"no evaluation service at {', nor at '.join(reasons)}"
    remedy = "start it with `otel-llm collector`, or name its telemetry port with --service URL"
    yield wrong(text, remedy) if asked else note(text, remedy)


def _service(url: str, ready: Page, metrics: str) -> Iterator[Finding]:
    if ready.status == HTTPStatus.OK:
        yield ok(f"the service at {url} is ready")
    else:
        yield wrong(
            f"the service at {url} is not ready: {ready.text[:200].strip()}",
            "its log says why; `otel-llm collector --check` checks its settings",
        )
    if names.QUEUE_CAPACITY.prometheus_name in metrics:
        yield from _counts(metrics)
        yield from _losses(metrics)


def _counts(metrics: str) -> Iterator[Finding]:
    spans = sum(values_of(metrics, names.RECEIVER_ACCEPTED_SPANS.prometheus_name, "transport").values())
    if not spans:
        yield wrong(
            "no span has arrived at the service",
            "make a call; if none arrives, let the Collector, or the application, send its traces there",
        )
        return
    arrived = f"{counted(spans, 'span')} arrived"
    labels = values_of(metrics, names.EVALUATIONS.prometheus_name, names.LABEL_LABEL)
    results = ", ".join(f"{count:,.0f} {label}" for label, count in sorted(labels.items()))
    if not labels:
        yield wrong(f"{arrived}, and no call was among them", "are they spans of LLM calls? docs/dialects.md")
    elif set(labels) == {"not_applicable"}:
        yield wrong(f"{arrived}, and no result applies ({results})", _CONTENT)
    else:
        yield ok(f"{arrived}; results: {results}")
    if errors := labels.get("error"):
        yield wrong(
            f"results that are errors: {errors:,.0f}",
            "the service's log and its page /debug say which evaluator fails",
        )


def _losses(metrics: str) -> Iterator[Finding]:
    for metric, label, known, remedy in _LOSSES:
        for value, count in values_of(metrics, metric.prometheus_name, label).items():
            if count and (not known or value in known):
                yield note(f"{metric.prometheus_name}: {count:,.0f} of {label} {value}", remedy)
    if dropped := values_of(metrics, names.METRIC_POINTS_DROPPED.prometheus_name, "").get("", 0):
        yield note(
            f"{counted(dropped, 'data point')} of applications were dropped",
            "set forward.endpoint, or send metrics to your Collector",
        )


def values_of(metrics: str, name: str, label: str) -> Counter[str]:
    """Return the sums of a metric's samples by the values of a label; under "" those without the label."""
    sums: Counter[str] = Counter()
    for found, labels, value in _SAMPLE.findall(metrics):
        if found == name:
            sums[dict(_LABEL.findall(labels)).get(label, "")] += float(value)  # type: ignore[assignment]
    return sums
