import threading
import time
from collections.abc import Sequence

import pytest

from otel_llm.evaluate.run.batcher import Batcher


class Work:
    """Keeps the batches that it is given, once its gate is open."""

    def __init__(self) -> None:
        self.batches: list[str] = []
        self.gate = threading.Event()
        self.started = threading.Event()
        self.done = threading.Condition()

    def __call__(self, batch: Sequence[str]) -> None:
        self.started.set()
        assert self.gate.wait(20)
        with self.done:
            self.batches.append("".join(batch))
            self.done.notify_all()

    def wait_for(self, *batches: str) -> None:
        with self.done:
            assert self.done.wait_for(lambda: len(self.batches) >= len(batches), 20)
        assert self.batches == list(batches)


@pytest.fixture
def work() -> Work:
    return Work()


def submit(batcher: Batcher[str], *items: str, size: int = 1) -> None:
    for item in items:
        batcher.submit(item, size)


def test_a_full_batch_goes_at_once_and_a_partial_one_when_its_time_is_up(work: Work) -> None:
    work.gate.set()
    batcher = Batcher(work, max_batch=2, max_delay_s=0.05, max_bytes=100)
    started = time.monotonic()
    submit(batcher, "a", "b", "c")
    work.wait_for("ab", "c")
    assert time.monotonic() - started >= 0.05
    assert batcher.close(20) == 0


def test_items_that_come_one_by_one_share_a_batch(work: Work) -> None:
    work.gate.set()
    batcher = Batcher(work, max_batch=3, max_delay_s=20, max_bytes=100)
    for item in "abc":
        submit(batcher, item)
    work.wait_for("abc")
    assert batcher.close(20) == 0


def test_there_is_room_until_the_bytes_that_wait_and_are_worked_on_reach_the_limit(work: Work) -> None:
    batcher = Batcher(work, max_batch=1, max_delay_s=0, max_bytes=10)
    submit(batcher, "a", size=5)
    assert work.started.wait(20)  # being worked on, and counted still
    assert batcher.wait_for_room(0)
    submit(batcher, "b", size=5)
    assert not batcher.has_room
    assert not batcher.wait_for_room(0.01)
    work.gate.set()
    assert batcher.wait_for_room(20)
    assert batcher.close(20) == 0
    assert batcher.has_room


def test_work_that_fails_does_not_stop_the_work_that_follows(work: Work, caplog: pytest.LogCaptureFixture) -> None:
    def fails_first(batch: Sequence[str]) -> None:
        if batch[0] == "a":
            raise ValueError("the first")
        work(batch)

    work.gate.set()
    batcher = Batcher(fails_first, max_batch=1, max_delay_s=0, max_bytes=100)
    submit(batcher, "a", "b")
    work.wait_for("b")
    assert batcher.close(20) == 0
    assert "ValueError: the first" in caplog.text
    assert batcher.has_room


def test_closing_works_on_what_waits(work: Work) -> None:
    work.gate.set()
    batcher = Batcher(work, max_batch=4, max_delay_s=20, max_bytes=100)
    submit(batcher, *"abc")
    assert batcher.close(20) == 0
    assert work.batches == ["abc"]


def test_closing_gives_up_in_time_and_says_how_many_items_are_left(work: Work) -> None:
    batcher = Batcher(work, max_batch=1, max_delay_s=0, max_bytes=100)
    submit(batcher, *"abc")
    assert work.started.wait(20)
    assert batcher.close(0.01) == 3
    work.gate.set()
