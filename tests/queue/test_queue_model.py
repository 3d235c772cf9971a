"""The durable queue against a model of it: whatever is done in whatever order, and however often it crashes."""

import re
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from otel_llm.errors import QueueFullError
from otel_llm.queue.base import Record
from otel_llm.queue.durable import DurableQueue

MAX_BYTES = 20_000


class QueueMachine(RuleBasedStateMachine):
    """A crash is a copy of the folder as it lies there, which is what a process that is killed leaves."""

    under_way: Bundle[tuple[int, Record]] = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.starts = 0
        self.folder = self.root / "0"
        self.queue = DurableQueue(self.folder, max_bytes=MAX_BYTES, fsync="never")
        self.count = 0
        self.waiting: dict[str, list[bytes]] = defaultdict(list)  # by lane, in order
        self.taken: dict[int, Record] = {}
        self.settled: set[bytes] = set()
        self.attempts: dict[bytes, int] = defaultdict(int)

    @rule(lane=st.sampled_from(["", "a", "ä"]), size=st.integers(0, 4000))
    def append(self, lane: str, size: int) -> None:
        payload = b"%d " % self.count + bytes(size)
        self.count += 1
        refusal = self.queue.admits(lane, len(payload))
        if refusal is None:
            self.queue.append(payload, lane).result(60)
            self.waiting[lane].append(payload)
        else:
            with pytest.raises(QueueFullError, match=f"^{re.escape(refusal)}$"):
                self.queue.append(payload, lane)

    @rule(target=under_way)
    def take(self) -> Any:
        record = self.queue.take(0)
        if record is None:
            assert not any(self.waiting.values())
            return multiple()
        assert record.payload == self.waiting[record.lane].pop(0)
        assert record.attempts == self.attempts[record.payload]
        self.taken[record.sequence] = record
        return self.starts, record

    @rule(taken=consumes(under_way))
    def settle(self, taken: tuple[int, Record]) -> None:
        starts, record = taken
        if starts == self.starts:
            self.queue.settle([record.sequence])
            del self.taken[record.sequence]
            self.settled.add(record.payload)

    @rule(crash=st.booleans())
    def reopen(self, crash: bool) -> None:
        self.starts += 1
        left = self.root / str(self.starts)
        if crash:
            shutil.copytree(self.folder, left)
        self.queue.close()
        self.folder = left if crash else self.folder
        self.queue = DurableQueue(self.folder, max_bytes=MAX_BYTES, fsync="never")
        for record in self.taken.values():
            self.attempts[record.payload] += crash
            self.waiting[record.lane].append(record.payload)
        self.taken.clear()
        for payloads in self.waiting.values():
            payloads.sort(key=number)

    @invariant()
    def it_counts_what_is_not_settled(self) -> None:
        assert self.queue.pending == sum(map(len, self.waiting.values())) + len(self.taken)

    @invariant()
    def what_is_recent_is_settled(self) -> None:
        recent = list(self.queue.recent())
        assert set(recent) <= self.settled
        assert recent == sorted(recent, key=number)

    @invariant()
    def files_are_within_the_bound(self) -> None:
        files = sum(path.stat().st_size for path in self.folder.glob("*.segment"))
        assert self.queue.size <= files <= MAX_BYTES

    def teardown(self) -> None:
        self.queue.close()
        shutil.rmtree(self.root)


QueueMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestQueueModel = QueueMachine.TestCase


def number(payload: bytes) -> int:
    return int(payload.split(b" ", 1)[0])
