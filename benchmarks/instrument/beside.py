"""Two checkouts beside each other: what each adds to the client, and the ratios of the two.

Children of both are started in turn, in one environment, many short ones: a ratio is of one pair of children, and
what is printed is the median of the pairs with the middle half of them, so that a slow minute hits both alike.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from environments import run_child
from results import CALLER, PROCESS
from subjects import CHECKOUT

COLUMNS = (("caller", CALLER), ("process", PROCESS))
MEASURES = ("call", "stream", "async call", "async stream", "response", "call, content", "stream, content")


def compare(other: Path, passes: int, seconds: float, measures: Sequence[str]) -> str:
    """Return a table: rows are the kinds of calls, columns what here and there add, and the ratios."""
    sides = {"here": CHECKOUT, "there": other.resolve()}
    pairs: list[dict[str, Any]] = []
    for number in range(passes):
        print(f"pass {number + 1} of {passes}", file=sys.stderr, flush=True)
        pair: dict[str, Any] = {}
        for side in random.sample(sorted(sides), len(sides)):
            pair[side] = _rounds(sides[side], seconds, measures)
        pairs.append(pair)
    header = (
        f"{'':20} {'':8} {'there':>9} {'here':>9} {'by hand':>9}  {'here / there':>20}  {'here / by hand':>20}"
    )
    return "\n".join([header, *_rows(pairs)])


def _rounds(checkout: Path, seconds: float, measures: Sequence[str]) -> dict[str, Any]:
    rounds: dict[str, Any] = {}
    with_content = [name for name in measures if name.endswith(", content")]
    without = [name for name in measures if name not in with_content]
    for chosen, option in ((without, []), (with_content, ["--content"])):
        if chosen:
            for_these = seconds * len(chosen) / len(measures)
            options = ["otel-llm", str(for_these), *option, "--measures", *chosen]
            rounds |= run_child(Path(sys.executable), "child.py", options, {"PYTHONPATH": str(checkout)})["rounds"]
    return rounds


def _rows(pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for measure in pairs[0]["here"]:
        for label, column in COLUMNS:
            here = [_added(pair["here"][measure], "on", column) for pair in pairs]
            there = [_added(pair["there"][measure], "on", column) for pair in pairs]
            hand = [_added(pair["here"][measure], "by hand", column) for pair in pairs]
            texts = [
                f"{statistics.median(side):6.0f} µs" if None not in side else "" for side in (there, here, hand)
            ]
            columns = " ".join(f"{text:>9}" for text in texts)
            beside_hand = _ratios(here, hand) if None not in hand else ""
            yield f"{measure:20} {label:8} {columns}  {_ratios(here, there):>20}  {beside_hand:>20}"


def _added(rounds: Mapping[str, Any], contender: str, column: int) -> Any:
    if contender not in rounds:
        return None
    pairs = zip(rounds["off"], rounds[contender], strict=True)
    return 1e6 * statistics.median(on[column] - off[column] for off, on in pairs)


def _ratios(one: Sequence[float], other: Sequence[float]) -> str:
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"
