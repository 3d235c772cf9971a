"""Offer the service ten times what it can evaluate: is its memory bounded, does it come back? Linux; 5 minutes.

Run: python benchmarks/overload.py

The service runs as a process of its own, with the evaluators pii and secrets: at first with its queue in memory,
then with its queue on disk. Its capacity is what it evaluates of a full queue while nothing is sent. Then comes
ten times that, over gRPC and HTTP, for a given time, and then half of it. What must hold:

- no answer is other than "taken" or "try again": 503 with Retry-After, UNAVAILABLE with RetryInfo;
- the process's memory stays below the limit that its settings make;
- soon after the load has fallen, all is taken;
- every span that was taken is evaluated by each evaluator;
- the process is the same one as before.

Exits with 1 where one of them does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from offered_load import Answers, Kind, Load
from overload_service import Service, Sink

T = TypeVar("T")

EVALUATORS: Final = ("pii", "secrets")
RESULTS: Final = 2 * len(EVALUATORS)
"""Of a call: one for its input and one for its output, by each evaluator."""
TIMES: Final = 10
RECOVERY_S: Final = 10.0
"""So long after the load has fallen, requests may still be refused."""
CALM_S: Final = 2.0
"""It has recovered once nothing is refused for so long."""
MIB: Final = 1 << 20
EVALUATED: Final = "otel_llm_evaluations_total"
DECODED: Final = 4
"""A call as an object beside the bytes of its span."""
RECENT_SPANS_MIB: Final = 15
"""The ids of the last 100,000 spans."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much, and how long."""

    connections: int
    """Over each transport."""
    spans: int
    """A request."""
    capacity_s: float
    overload_s: float
    queue_mib: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of one round."""

    queue: str
    capacity: float
    """Spans evaluated a second, of those that wait, while nothing is sent."""
    offered: float
    """Spans a second, under overload."""
    evaluated: float
    """The same as `capacity`, under overload."""
    answers: Counter[Kind]
    """Requests under overload, by answer."""
    others: Counter[str]
    """What else was answered in the whole round."""
    idle_mib: float
    peak_mib: float
    limit_mib: float
    recovery_s: float
    """From the fall of the load to the last refusal."""
    recovered: bool
    spans: int
    """Taken."""
    lost: int
    """Spans of which a result is missing."""
    repeated: int
    """Results that came more than once."""
    alive: bool

    def faults(self) -> Iterator[str]:
        """Yield each property that does not hold."""
        if self.others:
            yield f"answers that are neither success nor retryable: {dict(self.others)}"
        if not self.answers["retryable"]:
            yield f"nothing was refused: {self.offered:,.0f} spans a second were no overload"
        if self.peak_mib > self.limit_mib:
            yield f"{self.peak_mib:.0f} MiB are above the limit of {self.limit_mib:.0f} MiB"
        if not self.recovered:
            yield f"requests were refused {self.recovery_s:.1f} s after the load had fallen"
        if self.lost:
            yield f"{self.lost} of {self.spans} spans that were taken have not all their results"
        if not self.alive:
            yield "the process has ended"


def settings(sink: Sink, queue: dict[str, Any]) -> dict[str, Any]:
    return {
        "grpc_port": 0,
        "http_port": 0,
        "telemetry_port": 0,
        "receive": {"max_request_bytes": 2 * MIB, "max_in_flight_bytes": 32 * MIB},
        "queue": {**queue, "max_batch_bytes": 8 * MIB},
        "joins": {"max_bytes": 8 * MIB},
        "events": {"endpoint": f"grpc://{sink.at}", "queue_bytes": 16 * MIB},
        "evaluate": {"evaluators": EVALUATORS, "drift": {"enabled": False}},
    }


def limit_mib(given: dict[str, Any], idle_mib: float) -> float:
    """Return what the process may have by its settings, in MiB."""
    queue, in_flight = given["queue"], given["receive"]["max_in_flight_bytes"]
    held = (
        # on its way to the disk a request is there twice: as it came, and as the queue keeps it
        (2 * in_flight if queue.get("folder") else in_flight + queue["max_bytes"])
        + queue["max_batch_bytes"] * DECODED
        + given["joins"]["max_bytes"]
        + given["events"]["queue_bytes"]
    )
    return idle_mib + RECENT_SPANS_MIB + held / MIB


def run(queue: str, options: Options) -> Report:
    """Return what came of one round."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink = Sink()
        stack.callback(sink.close)
        on_disk = {"folder": str(folder / "queue")} if queue == "disk" else {}
        given = settings(sink, {**on_disk, "max_bytes": options.queue_mib * MIB})
        service = Service(given, folder)
        stack.callback(service.stop)
        load = Load(service.grpc, service.http, options.connections, options.spans)
        stack.callback(load.close)
        idle_mib = service.memory_mib("VmRSS")

        warm_up = load.fill()
        _, capacity = measured(service, lambda: time.sleep(options.capacity_s))
        requests_a_second = TIMES * capacity / options.spans
        overload, evaluated = measured(service, lambda: load.offer(options.overload_s, requests_a_second))
        fell = time.monotonic()
        after = list(until_calm(load, capacity / 2 / options.spans))
        phases = (warm_up, overload, *after)
        results, repeated = wait_for_results(sink, sum(len(each.accepted) for each in phases) * options.spans)
        taken = set(spans_of(phases, options.spans))
        return Report(
            queue=queue,
            capacity=capacity,
            offered=overload.counts.total() * options.spans / options.overload_s,
            evaluated=evaluated,
            answers=overload.counts,
            others=sum((each.others for each in phases), Counter()),
            idle_mib=idle_mib,
            peak_mib=service.memory_mib("VmHWM"),
            limit_mib=limit_mib(given, idle_mib),
            recovery_s=max(each.last_refusal or fell for each in after) - fell,
            recovered=after[-1].last_refusal is None,
            spans=len(taken),
            lost=sum(results[span] < RESULTS for span in taken),
            repeated=repeated,
            alive=service.alive,
        )


def until_calm(load: Load, requests_a_second: float) -> Iterator[Answers]:
    """Offer, and yield the answers, until nothing was refused for a while, or something was for too long."""
    end = time.monotonic() + RECOVERY_S
    while time.monotonic() < end:
        answers = load.offer(CALM_S, requests_a_second)
        yield answers
        if answers.last_refusal is None:
            return


def measured(service: Service, work: Callable[[], T]) -> tuple[T, float]:
    """Return what the work returns, and how many spans were evaluated a second meanwhile."""
    before, started = service.total(EVALUATED), time.monotonic()
    result = work()
    return result, (service.total(EVALUATED) - before) / RESULTS / (time.monotonic() - started)


def spans_of(phases: Iterable[Answers], spans: int) -> Iterator[bytes]:
    """Yield the trace id and span id of each span that was taken."""
    for phase in phases:
        for number in phase.accepted:
            yield from (number.to_bytes(16) + span.to_bytes(8) for span in range(1, spans + 1))


def wait_for_results(sink: Sink, spans: int, patience_s: float = 15) -> tuple[Counter[bytes], int]:
    """Return the results of each span, and how many were repeated, once all are there, or no more of them come."""
    last, changed = -1, time.monotonic()
    while sink.records < RESULTS * spans and time.monotonic() - changed < patience_s:
        if sink.records != last:
            last, changed = sink.records, time.monotonic()
        time.sleep(0.1)
    return sink.results()


def print_table(reports: Iterable[Report]) -> None:
    print("| queue | capacity, spans/s | offered | evaluated | requests taken | refused retryably | other |")
    print("|---|---|---|---|---|---|---|")
    for each in reports:
        print(
            f"| {each.queue} | {each.capacity:,.0f} | {each.offered:,.0f} ({each.offered / each.capacity:.1f} x)"
            f" | {each.evaluated:,.0f} | {each.answers['accepted']:,} | {each.answers['retryable']:,}"
            f" | {each.answers['other']:,} |"
        )
    print(
        "\n| queue | memory idle, MiB | highest | limit | last refusal, s | spans taken | lost | results twice |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for each in reports:
        print(
            f"| {each.queue} | {each.idle_mib:.0f} | {each.peak_mib:.0f} | {each.limit_mib:.0f}"
            f" | {each.recovery_s:.1f} | {each.spans:,} | {each.lost:,} | {each.repeated:,} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", choices=("memory", "disk", "both"), default="both")
    parser.add_argument("--connections", type=int, default=8, help="over each of gRPC and HTTP")
    parser.add_argument("--spans", type=int, default=100, help="a request")
    parser.add_argument("--capacity-s", type=float, default=10, help="in which it is measured")
    parser.add_argument("--overload-s", type=float, default=30)
    parser.add_argument("--queue-mib", type=int, default=64)
    given = vars(parser.parse_args())
    queue = given.pop("queue")
    reports = [run(kind, Options(**given)) for kind in (("memory", "disk") if queue == "both" else (queue,))]
    print_table(reports)
    faults = [f"queue in {report.queue}: {fault}" for report in reports for fault in report.faults()]
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
