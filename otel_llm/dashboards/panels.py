"""The dashboard's panels: for each, what it asks, in what unit, and what the reader should know.

To add one, add an entry, with an id of its own that never changes (links name it), and run
`otel-llm dashboards build`. Metric names come from `names.py`, never from a literal.
"""

from __future__ import annotations

from typing import Final

from otel_llm.dashboards.panel import Panel, Query, by, calls, chosen, legend, quantiles
from otel_llm.dashboards.promql import highest, increase, rate, share, total
from otel_llm.dashboards.rules import ERROR_RATE, FAILED, FLAGGED, JUDGED, TOXICITY_RATE
from otel_llm.names import (
    COST,
    DRIFT_ALARM,
    DRIFT_STATISTIC,
    DRIFT_THRESHOLD,
    ERROR_TYPE,
    EVALUATION_DURATION,
    EVALUATION_OLDEST_PENDING,
    EVALUATION_SCORE,
    EVALUATIONS,
    LABEL_DETECTOR,
    LABEL_EVALUATOR,
    LABEL_LABEL,
    LABEL_TARGET,
    OPERATION,
    OPERATION_DURATION,
    REQUEST_MODEL,
    SERVICE_NAME,
    TIME_TO_FIRST_CHUNK,
    TOKEN_TYPE,
    TOKEN_USAGE,
)

_TRAFFIC: Final = (
    Panel(
        id=1,
        title="Calls",
        description="LLM calls per second, failed ones included.",
        unit="reqps",
        queries=by(calls(), SERVICE_NAME, OPERATION),
        width=8,
    ),
    Panel(
        id=2,
        title="Failed calls",
        description=f"Share of calls that ended in an error. {ERROR_RATE.name} fires above the red line.",
        unit="percentunit",
        queries=(
            Query(
                expression=share(total(calls(FAILED), SERVICE_NAME), total(calls(), SERVICE_NAME)),
                legend=legend(SERVICE_NAME),
            ),
        ),
        width=8,
        threshold=ERROR_RATE.threshold,
    ),
    Panel(
        id=3,
        title="Errors by type",
        description="Failed calls per second, by the error that ended them.",
        unit="reqps",
        queries=by(calls(FAILED), ERROR_TYPE, REQUEST_MODEL),
        width=8,
    ),
)

_LATENCY: Final = (
    Panel(
        id=10,
        title="Duration of calls",
        description="From the request to the end of the response; for a stream, to its last chunk.",
        unit="s",
        queries=quantiles(OPERATION_DURATION),
        width=8,
    ),
    Panel(
        id=11,
        title="Duration by model",
        description="95 of 100 calls to the model are faster than this.",
        unit="s",
        queries=quantiles(OPERATION_DURATION, REQUEST_MODEL, of=(0.95,)),
        width=8,
    ),
    Panel(
        id=12,
        title="Time to first chunk",
        description="How long the reader of a streamed response waits before anything appears. Streams alone.",
        unit="s",
        queries=quantiles(TIME_TO_FIRST_CHUNK),
        width=8,
    ),
)

_TOKENS: Final = (
    Panel(
        id=20,
        title="Tokens",
        description="Tokens per second, as the provider counts: input with cached, output with reasoning tokens.",
        unit="cps",
        queries=by(rate(chosen(TOKEN_USAGE, part="_sum")), TOKEN_TYPE, REQUEST_MODEL),
    ),
    Panel(
        id=21,
        title="Tokens per call",
        description="Mean tokens of a call. Input that grows is a prompt or a history that grows.",
        unit="short",
        queries=(
            Query(
                expression=(
                    f"{total(rate(chosen(TOKEN_USAGE, part='_sum')), TOKEN_TYPE, REQUEST_MODEL)}\n"
                    f"/ ({total(rate(chosen(TOKEN_USAGE, part='_count')), TOKEN_TYPE, REQUEST_MODEL)} > 0)"
                ),
                legend=legend(TOKEN_TYPE, REQUEST_MODEL),
            ),
        ),
    ),
)

_COST: Final = (
    Panel(
        id=30,
        title="Cost in this time range",
        description="What the calls of the chosen time range cost. Calls whose price is unknown count nothing.",
        unit="currencyUSD",
        queries=(Query(expression=total(increase(chosen(COST), "$__range")), legend="cost"),),
        kind="number",
        width=6,
    ),
    Panel(
        id=31,
        title="Cost per hour",
        description="What an hour costs at the rate of the moment, by model.",
        unit="currencyUSD",
        queries=(
            Query(
                expression=f"3600 * {total(rate(chosen(COST)), SERVICE_NAME, REQUEST_MODEL)}",
                legend=legend(SERVICE_NAME, REQUEST_MODEL),
            ),
        ),
        kind="areas",
        width=18,
    ),
)

_EVALUATED: Final = (SERVICE_NAME, LABEL_EVALUATOR, LABEL_TARGET)
_SCORES: Final = (
    Panel(
        id=40,
        title="Failed evaluations",
        description=(
            "Share of texts that an evaluator failed, among those that it could judge. "
            f"{TOXICITY_RATE.name} fires when toxicity is above the red line."
        ),
        unit="percentunit",
        queries=(
            Query(
                expression=share(
                    total(rate(chosen(EVALUATIONS, FLAGGED)), *_EVALUATED),
                    total(rate(chosen(EVALUATIONS, JUDGED)), *_EVALUATED),
                ),
                legend=legend(*_EVALUATED),
            ),
        ),
        threshold=TOXICITY_RATE.threshold,
    ),
    Panel(
        id=41,
        title="Scores",
        description=(
            "Median and 95th percentile of each evaluator's score: the probability of what it is named for. "
            "High is bad for toxicity, low is bad for groundedness."
        ),
        unit="percentunit",
        queries=quantiles(EVALUATION_SCORE, LABEL_EVALUATOR, LABEL_TARGET, of=(0.5, 0.95)),
    ),
    Panel(
        id=42,
        title="Evaluations",
        description=(
            "Evaluations per second by outcome. partial: nothing failed, but not all of the text was read. "
            "not_applicable: nothing to judge against, or no text."
        ),
        unit="cps",
        queries=by(rate(chosen(EVALUATIONS)), LABEL_EVALUATOR, LABEL_LABEL),
        kind="areas",
        width=8,
    ),
    Panel(
        id=43,
        title="Time per batch",
        description="95th percentile of what an evaluator takes for one batch of calls.",
        unit="s",
        queries=quantiles(EVALUATION_DURATION, LABEL_EVALUATOR, of=(0.95,)),
        width=8,
    ),
    Panel(
        id=44,
        title="Oldest call not evaluated",
        description="How far evaluation is behind. It grows when calls come faster than they are evaluated.",
        unit="s",
        queries=(Query(expression=highest(chosen(EVALUATION_OLDEST_PENDING)), legend="age"),),
        width=8,
    ),
)

_DRIFTED: Final = (SERVICE_NAME, LABEL_DETECTOR, LABEL_TARGET)
_DRIFT: Final = (
    Panel(
        id=50,
        title="Drift",
        description=(
            "How far the texts of the last window are from their reference, and the threshold that raises the "
            "alarm: users ask about something else than before, or the model answers otherwise."
        ),
        unit="none",
        queries=tuple(
            Query(
                expression=highest(chosen(metric), *_DRIFTED),
                legend=f"{legend(*_DRIFTED)} {what}",
            )
            for metric, what in ((DRIFT_STATISTIC, "statistic"), (DRIFT_THRESHOLD, "threshold"))
        ),
        width=18,
    ),
    Panel(
        id=51,
        title="Drift alarm",
        description="Whether the statistic is above its threshold now.",
        unit="none",
        queries=(Query(expression=highest(chosen(DRIFT_ALARM), *_DRIFTED), legend=legend(*_DRIFTED)),),
        kind="state",
        width=6,
        names=((0, "as before", "green"), (1, "drifted", "red")),
    ),
)

ROWS: Final = (
    ("Traffic", _TRAFFIC),
    ("Latency", _LATENCY),
    ("Tokens", _TOKENS),
    ("Cost", _COST),
    ("Scores", _SCORES),
    ("Drift", _DRIFT),
)
