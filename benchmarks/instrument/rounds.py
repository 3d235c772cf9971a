"""Rounds: in each, every contender does the same work once, in random order; only differences within one count."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import traffic
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from switch import Switch
from telemetry import exporter, flush

Seconds = tuple[float, float]
"""CPU seconds of one piece of work: of the thread that calls, of the whole process."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One thing that is measured."""

    work: traffic.Work
    count: int
    """How often the work is done in one turn."""
    share: float
    """Of the time."""
    within: str = ""


CALLS, STREAMS = 5, 1
MEASURES: Mapping[str, Measure] = {
    "call": Measure(work=traffic.call, count=CALLS, share=5),
    "stream": Measure(work=traffic.stream, count=STREAMS, share=8),
    "async call": Measure(work=traffic.async_call, count=CALLS, share=1.5),
    "async stream": Measure(work=traffic.async_stream, count=STREAMS, share=2.5),
    "response": Measure(work=traffic.respond, count=CALLS, share=1.5),
    "call, sampled out": Measure(work=traffic.call, count=CALLS, share=1, within="sampled out"),
    "stream, sampled out": Measure(work=traffic.stream, count=STREAMS, share=2, within="sampled out"),
    "call, suppressed": Measure(work=traffic.call, count=CALLS, share=1, within="suppressed"),
    "stream, suppressed": Measure(work=traffic.stream, count=STREAMS, share=2, within="suppressed"),
}
WITH_CONTENT: Mapping[str, Measure] = {
    "call, content": Measure(work=traffic.call, count=CALLS, share=1),
    "stream, content": Measure(work=traffic.stream, count=STREAMS, share=2),
}


def within(what: str) -> AbstractContextManager[Any]:
    if what == "sampled out":
        # the default sampler follows its parent: what TraceIdRatioBased(0) at the root does to all below it
        parent = trace.SpanContext(trace_id=1, span_id=1, is_remote=True, trace_flags=trace.TraceFlags(0))
        return trace.use_span(trace.NonRecordingSpan(parent))
    return suppress_instrumentation() if what == "suppressed" else nullcontext()


class Rounds:
    """What is measured in this process: the client off, on, and by hand where that is asked for."""

    def __init__(self, measures: Mapping[str, Measure], switch: Switch, by_hand: traffic.Around | None) -> None:
        self._measures = measures
        self._switch = switch
        self._around: dict[str, traffic.Around] = {"off": nullcontext, "on": nullcontext}
        if by_hand is not None:
            self._around["by hand"] = by_hand
        self.seconds: dict[str, dict[str, list[Seconds]]] = {
            name: {contender: [] for contender in self._around} for name in measures
        }

    def run(self, seconds: float) -> None:
        """Do rounds for so long, each measure for its share of it, in turns."""
        for measure in self._measures.values():  # what the first calls alone pay, such as imports and prices
            for contender in self._around:
                self._turn(measure, contender)
                self._turn(measure, contender)
        gc.collect()
        gc.freeze()  # else a round is hit at random by a collection of all that was ever imported
        spent = dict.fromkeys(self._measures, 0.0)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline or 0.0 in spent.values():
            name = min(spent, key=lambda name: spent[name] / self._measures[name].share)
            started = time.monotonic()
            self._round(name)
            spent[name] += time.monotonic() - started

    def _round(self, name: str) -> None:
        for contender in random.sample(sorted(self._around), len(self._around)):
            self.seconds[name][contender].append(self._turn(self._measures[name], contender))

    def _turn(self, measure: Measure, contender: str) -> Seconds:
        around = self._around[contender]
        if contender == "on":
            self._switch.on()
        else:
            self._switch.off()
        with within(measure.within):
            thread, process = time.thread_time(), time.process_time()
            measure.work(measure.count, around)
            thread = time.thread_time() - thread
        flush()  # threads in the background work for the one that made them work
        process = time.process_time() - process
        return thread / measure.count, process / measure.count

    def spans(self) -> dict[str, dict[str, int]]:
        """Return how many spans each piece of work makes, by contender: what proves that off is off."""
        return {
            name: {contender: self._spans(measure, contender) for contender in self._around}
            for name, measure in self._measures.items()
        }

    def _spans(self, measure: Measure, contender: str) -> int:
        once = Measure(work=measure.work, count=1, share=0, within=measure.within)
        flush()
        before = exporter.count
        self._turn(once, contender)
        return exporter.count - before
