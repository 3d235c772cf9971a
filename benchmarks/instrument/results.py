"""From rounds to figures: medians of paired differences, with their quartiles."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Rounds = Mapping[str, Sequence[Sequence[float]]]
"""By contender, each round's CPU seconds: of the thread that calls, of the whole process."""
CALLER, PROCESS = 0, 1


def added(rounds: Rounds, contender: str) -> dict[str, Any]:
    """Return what a contender adds to the client uninstrumented, on the caller's thread and in the process."""
    return {
        "rounds": len(rounds["off"]),
        "caller": _added(rounds, contender, CALLER),
        "process": _added(rounds, contender, PROCESS),
    }


def _added(rounds: Rounds, contender: str, column: int) -> dict[str, float]:
    pairs = [(off[column], on[column]) for off, on in zip(rounds["off"], rounds[contender], strict=True)]
    # of each round's own base: the machine's speed changes from one round to the next
    shares = [100 * (on - off) / off for off, on in pairs]
    low, _, high = statistics.quantiles(shares, n=4) if len(shares) > 1 else shares * 3
    return {
        "uninstrumented_us": 1e6 * statistics.median(off for off, _ in pairs),
        "added_us": 1e6 * statistics.median(on - off for off, on in pairs),
        "added_percent": statistics.median(shares),
        "percent_q1": low,
        "percent_q3": high,
    }


def merged(children: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[Sequence[float]]]]:
    """Return the rounds of several children of one subject, as if they were one's."""
    together: dict[str, dict[str, list[Sequence[float]]]] = {}
    for child in children:
        for measure, rounds in child["rounds"].items():
            for contender, seconds in rounds.items():
                together.setdefault(measure, {}).setdefault(contender, []).extend(seconds)
    return together


def figures(children: Sequence[Mapping[str, Any]], start_ups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return all that is known of one subject."""
    spans = {measure: counts for child in children for measure, counts in child["spans"].items()}
    for measure, counts in spans.items():
        if counts["off"]:
            raise SystemExit(f"{measure}: the client makes {counts['off']} spans while it is switched off")
    contenders: dict[str, dict[str, Any]] = {}
    for measure, rounds in merged(children).items():
        for contender in rounds.keys() - {"off"}:
            figure = added(rounds, contender) | {"spans": spans[measure][contender]}
            contenders.setdefault(contender, {})[measure] = figure
    return {
        "versions": children[0]["versions"],
        "measured": contenders,
        "recorded": next(child["recorded"] for child in children if "recorded" in child),
        "start_up": _start_up(start_ups),
    }


def _start_up(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not runs:
        return None
    medians = {key: statistics.median(run[key] for run in runs) for key in ("thread_s", "process_s", "wall_s")}
    return {**medians, "runs": len(runs), "modules": runs[0]["modules"], "packages": runs[0]["packages"]}
