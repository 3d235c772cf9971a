"""The promises of the demo, checked against this run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from otel_llm.demo.screens.calls_table import seconds
from otel_llm.demo.snapshot import DeliveredAlert, Snapshot
from otel_llm.demo.state import FAIL, GROUNDEDNESS, TOXICITY, State


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise, kept or not."""

    title: str
    kept: bool
    seen: str
    """Description of the run's own figures for the promise."""


def check_promises(snapshot: Snapshot) -> list[Promise]:
    """Return every promise of this run, kept or not."""
    state = snapshot.state
    errors = Counter(call.error_type for call in state.calls if call.error_type)
    found = [
        _scored(snapshot),
        Promise(
            "errors",
            bool(errors),
            ", ".join(f"{count} {name}" for name, count in errors.most_common()) or "none",
        ),
        _failing("toxic texts", state, TOXICITY),
        _failing("ungrounded answers", state, GROUNDEDNESS),
        _drift(state),
        Promise(
            "cost",
            state.cost_usd > 0,
            f"${state.cost_usd:.6f} for {state.input_tokens} tokens in, {state.output_tokens} tokens out",
        ),
        Promise(
            "latency",
            bool(state.calls),
            f"p50 {seconds(state.latency_s(50))}, p95 {seconds(state.latency_s(95))}",
        ),
    ]
    return [*found, _alerts(snapshot)] if snapshot.awaited_alerts else found


def _scored(snapshot: Snapshot) -> Promise:
    state = snapshot.state
    models = ", ".join(f"{count} by {model}" for model, count in state.models.most_common())
    first = "" if snapshot.first_scored_s is None else f", the first after {snapshot.first_scored_s:.1f} s"
    return Promise(
        "scored calls",
        state.scored > 0 and len(state.calls) >= snapshot.expected_calls,
        f"{state.scored} of {snapshot.expected_calls}{first}; {models}",
    )


def _failing(title: str, state: State, evaluator: str) -> Promise:
    sides = Counter(
        target
        for call in state.failing(evaluator)
        for (name, target), result in call.results.items()
        if name == evaluator and result.label == FAIL
    )
    counts = [
        f"{sides[target]} {name}{'s' if sides[target] > 1 else ''}"
        for target, name in (("output", "answer"), ("input", "question"))
        if sides[target]
    ]
    return Promise(title, bool(sides), " and ".join(counts) or "none")


def _drift(state: State) -> Promise:
    rise = state.drift_rise
    if rise is None:
        return Promise("drift", False, "no window was full")
    before, after = rise
    raised = next((number for number, point in enumerate(state.drift, 1) if point.alarm), None)
    alarm = f"alarm at call {raised}" if raised else "no alarm"
    threshold = state.drift[-1].threshold
    return Promise(
        "drift",
        after > before and raised is not None,
        f"statistic {before:.3f} before, {after:.3f} after the shift, threshold {threshold:.3f}, {alarm}",
    )


def _alerts(snapshot: Snapshot) -> Promise:
    first: dict[str, DeliveredAlert] = {}
    for alert in snapshot.alerts:
        if alert.status == "firing":
            first.setdefault(alert.name, alert)
    seen = [f"{alert.name} ({alert.severity}) after {alert.delay_s:.0f} s" for alert in first.values()]
    missing = [f"{name} was not delivered" for name in sorted(snapshot.missing_alerts)]
    return Promise("delivered alerts", not missing, "; ".join(seen + missing))
