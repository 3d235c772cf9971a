"""Whether memory stays flat: calls and streams of the openai client that end in every way, instrumented.

    python benchmarks/instrument/soak.py [--quick] [--batches N] [--batch N] [--only KIND]

Each way to end is done batch by batch, and after each batch, when all is recorded and collected, it is counted
what is alive. The client's caches and pools fill up in the first batches and are extended now and then; a leak
grows with every batch. So the median of the latest batches counts: one object kept in each call is seen, whichever
way it ended. Every call must also make its span.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tracemalloc
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from ends import ENDS, settle
from telemetry import exporter, meter_provider, tracer_provider

import otel_llm
from otel_llm.instrument.setup import flush

PAGE = os.sysconf("SC_PAGE_SIZE")
LATEST = 5  # batches
PATIENCE_S = 120  # on a machine that is busy with other things
RESIDENT_LIMIT = 8 << 20  # what the allocator keeps for itself comes and goes within this


# What one call may keep, of three things that each show what another does not. One small object is one block.
LIMITS: Mapping[str, float] = {
    "blocks": 0.7,  # of Python's allocator: every small object
    "objects": 0.7,  # that the cyclic collector knows of
    "bytes": 64,  # of all that Python allocated, so of large objects too
}


def main(options: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="soak.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end each kind as soon as it is flat; trace no bytes")
    parser.add_argument("--batches", type=int, default=30, help="at most, of each kind; at least 6")
    parser.add_argument("--batch", type=int, default=100, help="calls of one batch")
    parser.add_argument("--only", choices=ENDS, help="one kind")
    arguments = parser.parse_args(options)
    ends = {name: end for name, end in ENDS.items() if arguments.only in (None, name)}
    otel_llm.instrument(tracer_provider=tracer_provider, meter_provider=meter_provider, debug_raise=True)
    gc.freeze()  # what is here by now stays, and need not be looked through at each collection
    for end in ends.values():
        run(end, arguments.batch)
    if not arguments.quick:  # it doubles the time
        tracemalloc.start()
    gc.freeze()
    before = resident_bytes()
    print(f"{'kept by each call':28}" + "".join(f"{kind:>10}" for kind in LIMITS))
    leaking = [name for name, end in ends.items() if not is_flat(name, end, arguments)]
    grown = resident_bytes() - before
    print(
        f"{exporter.count:,} calls; resident memory grew by {grown / 1e6:.1f} to {(before + grown) / 1e6:.0f} MB"
    )
    if grown > RESIDENT_LIMIT:
        leaking.append("resident memory")
    if leaking:
        print(f"not flat: {', '.join(leaking)}")
    return bool(leaking)


def is_flat(name: str, end: Callable[[int], None], arguments: argparse.Namespace) -> bool:
    samples = [array("q", bytes(8 * len(LIMITS))) for _ in range(arguments.batches)]  # sampling allocates nothing
    flat, done, kept = False, 0, [0.0]
    while done < len(samples) and not (flat and arguments.quick):
        run(end, arguments.batch)
        sample = samples[done]
        sample[0], sample[1] = sys.getallocatedblocks(), len(gc.get_objects())
        sample[2], _ = tracemalloc.get_traced_memory()
        done += 1
        if done > LATEST:
            kept = kept_by_a_call(samples[done - LATEST - 1 : done], arguments.batch)
            flat = all(count <= limit for count, limit in zip(kept, LIMITS.values(), strict=True))
    print(f"{name:28}" + "".join(f"{count:10.2f}" for count in kept) + ("" if flat else "  !"), flush=True)
    return flat


def kept_by_a_call(samples: Sequence[array[int]], batch: int) -> list[float]:
    """Return by how much each count grew with the median batch, for one call."""
    return [
        statistics.median(later - earlier for earlier, later in pairwise(counts)) / batch
        for counts in zip(*samples, strict=True)
    ]


def run(end: Callable[[int], None], batch: int) -> None:
    """Do a batch, and return when all of it is closed, recorded and collected."""
    spans = exporter.count
    end(batch)
    for _ in range(4):  # what is found to be garbage may have to be closed by the event loop, and may hold more
        gc.collect()
        settle()
    if not (flush(PATIENCE_S) and tracer_provider.force_flush()):
        raise SystemExit(f"recording took longer than {PATIENCE_S} s")
    if exporter.count - spans != batch:
        raise SystemExit(f"{batch} calls made {exporter.count - spans} spans")
    gc.collect()


def resident_bytes() -> int:
    """Return the process's resident memory; 0 where there is no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * PAGE if statm.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
