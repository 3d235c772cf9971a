"""The thread that takes records, with a clock of the test's own and everything around it played."""

import math
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.receivers import wait_until

from otel_llm.errors import QueueError
from otel_llm.queue.base import Record
from otel_llm.queue.memory import MemoryQueue
from otel_llm.service.flow.modes import Mode
from otel_llm.service.flow.take import Consumer


@dataclass
class Played:
    """Handler, joiner and batcher in one: notes what is asked of it, in order."""

    clock: FakeClock
    asked: list[object] = field(default_factory=list)

    def remember(self, payloads: Any) -> None:
        self.asked.append("remember")

    def begin(self, record: Record, *, alone: bool) -> None:
        self.asked.append((record.payload, alone, self.clock.now_s))

    def flush(self, timeout_s: float) -> bool:
        """Evaluators that never end: each wait for them costs its time."""
        self.clock.advance(timeout_s)
        return False

    def submit_due(self) -> None:
        pass

    def submit_all(self) -> None:
        if self.asked[-1] != "submit all":
            self.asked.append("submit all")

    def next_due_s(self) -> float:
        return math.inf


class Records(MemoryQueue):
    """A queue whose records say how many processes died with them, and whose disk fails where one is an error."""

    def __init__(self, *records: int | QueueError) -> None:
        super().__init__(max_bytes=1 << 20)
        self._left = list(records)
        for _ in records:
            written: Future[None] = self.append(b"record")
            written.result(0)

    def take(self, timeout_s: float | None = None, held: Any = ()) -> Record | None:
        attempts = self._left.pop(0) if self._left else None
        if isinstance(attempts, QueueError):
            raise attempts
        taken = super().take(0, held)
        return taken and taken._replace(attempts=attempts or 0)


def consumed(queue: Records, clock: FakeClock, *, until: int) -> list[object]:
    played = Played(clock)
    mode = Mode(lambda timeout_s: True, frozenset)
    consumer = Consumer(queue=queue, mode=mode, handler=played, joiner=played, batcher=played, clock=clock)  # type: ignore[arg-type]
    consumer.start()
    consumer.drain()
    wait_until(lambda: len(played.asked) >= until)
    consumer.stop(20)
    assert not consumer.thread.is_alive()
    return played.asked


def test_the_history_is_read_before_the_first_record_and_calls_go_on_once_all_are_taken() -> None:
    clock = FakeClock(0)
    asked = consumed(Records(0, 1), clock, until=4)
    assert asked == ["remember", (b"record", False, 0), (b"record", False, 0), "submit all"]


def test_a_suspect_waits_ten_seconds_for_evaluators_that_never_end_and_is_waited_for_as_long() -> None:
    clock = FakeClock(0)
    _, (payload, alone, begun_s), (_, next_alone, next_begun_s), *_ = consumed(Records(2, 0), clock, until=4)
    assert (payload, alone, next_alone) == (b"record", True, False)
    assert begun_s == pytest.approx(10, abs=0.3)
    assert next_begun_s == pytest.approx(20, abs=0.6)


def test_a_record_that_the_disk_does_not_give_back_holds_up_none_behind_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = consumed(Records(QueueError("the disk fails"), 0), FakeClock(0), until=3)
    assert (b"record", False, 0) in asked
    assert "the disk fails" in caplog.text
