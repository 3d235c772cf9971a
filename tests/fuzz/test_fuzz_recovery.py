"""A queue's folder with damage: it opens or is refused, and gives back what was put in and nothing else."""

import contextlib
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from fuzzing import fuzzing, mutated_bytes
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.errors import QueueError
from otel_llm.queue.durable import DurableQueue
from otel_llm.queue.segments import Segment, scan

MAX_BYTES = 1 << 14
PAYLOADS = [b"", b"one", b"OLQR" * 60, bytes(range(256)) * 2, *(b"%d" % n * 50 for n in range(40))]


def opened(folder: Path) -> DurableQueue:
    return DurableQueue(folder, max_bytes=MAX_BYTES, fsync="never")


def taken(queue: DurableQueue) -> dict[int, bytes]:
    return {record.sequence: record.payload for record in iter(lambda: queue.take(0), None)}


@cache
def files() -> dict[str, bytes]:
    """What a process that had settled two records left."""
    with tempfile.TemporaryDirectory() as name:
        queue = opened(Path(name))
        for number, payload in enumerate(PAYLOADS):
            queue.append(payload, f"tenant {number % 3}").result(60)
        taken(queue)
        queue.settle([0, 5])
        queue.close()
        return {path.name: path.read_bytes() for path in sorted(Path(name).iterdir())}


def segments() -> list[str]:
    return [name for name in files() if name.endswith(".segment")]


def reopened(changed: dict[str, bytes]) -> dict[int, bytes] | None:
    """Return what comes of the files; None where they are refused. What is opened takes records as before."""
    with tempfile.TemporaryDirectory() as name:
        for file, data in (files() | changed).items():
            (Path(name) / file).write_bytes(data)
        with contextlib.suppress(QueueError):
            queue = opened(Path(name))
            try:
                found = taken(queue)
                queue.settle(found)
                queue.append(b"new").result(60)
                assert list(taken(queue).values()) == [b"new"]
                return found
            finally:
                queue.close()
    return None


def left_whole(name: str, damaged: set[int], end: int) -> set[int]:
    """Return the numbers of a segment's records that no damaged byte lies in, and that end before the cut."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(files()[name])
        places = list(scan(Segment.open(path)))
    return {p.sequence for p in places if p.end <= end and damaged.isdisjoint(range(p.start, p.end))} - {0, 5}


def test_without_damage_all_that_is_not_settled_comes() -> None:
    assert reopened({}) == {n: payload for n, payload in enumerate(PAYLOADS) if n not in {0, 5}}
    assert len(segments()) > 1


@given(data=st.data())
@fuzzing
def test_damage_costs_the_damaged_records_alone(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(segments()))
    content = bytearray(files()[name])
    bits = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 7)), max_size=6))
    for at, bit in bits:
        content[at] ^= 1 << bit
    end = data.draw(st.integers(0, len(content))) if data.draw(st.booleans()) else len(content)
    found = reopened({name: bytes(content[:end])})
    assert found is not None
    assert found.items() <= dict(enumerate(PAYLOADS)).items()
    assert left_whole(name, {at for at, _ in bits}, end) <= found.keys()


@given(data=st.data())
@fuzzing
def test_any_file_in_any_state_gives_records_that_were_put_in(data: st.DataObject) -> None:
    names = st.sampled_from([*segments(), "cursor"])
    originals = tuple(files()[name] for name in segments())
    changes: Any = st.dictionaries(
        names, mutated_bytes(originals) | st.binary(max_size=80), min_size=1, max_size=3
    )
    found = reopened(data.draw(changes))
    if found is not None:
        assert found.items() <= dict(enumerate(PAYLOADS)).items()
