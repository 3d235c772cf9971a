import threading
import time
from collections.abc import Sequence

import pytest

from otel_llm.evaluate.batcher import Batcher
from otel_llm.receive.call import Call


def calls(*span_ids: str) -> list[Call]:
    return [
        Call(
            trace_id="0" * 31 + "1",
            span_id=span_id,
            service="shop",
            operation="chat",
            provider="openai",
            request_model="gpt-4o",
            start_ns=0,
            duration_s=1,
        )
        for span_id in span_ids
    ]


class Work:
    """Keeps the batches that it is given, once its gate is open."""

    def __init__(self) -> None:
        self.batches: list[str] = []
        self.gate = threading.Event()
        self.started = threading.Event()
        self.done = threading.Condition()

    def __call__(self, batch: Sequence[Call]) -> None:
        self.started.set()
        assert self.gate.wait(20)
        with self.done:
            self.batches.append("".join(call.span_id for call in batch))
            self.done.notify_all()

    def wait_for(self, *batches: str) -> None:
        with self.done:
            assert self.done.wait_for(lambda: len(self.batches) >= len(batches), 20)
        assert self.batches == list(batches)


@pytest.fixture
def work() -> Work:
    return Work()


def test_a_full_batch_goes_at_once_and_a_partial_one_when_its_time_is_up(work: Work) -> None:
    work.gate.set()
    batcher = Batcher(work, max_pending=10, max_batch=2, max_delay_s=0.05)
    started = time.monotonic()
    assert batcher.submit(calls("a", "b", "c"))
    work.wait_for("ab", "c")
    assert time.monotonic() - started >= 0.05
    assert batcher.close(20) == 0


def test_calls_of_several_requests_share_a_batch(work: Work) -> None:
    work.gate.set()
    batcher = Batcher(work, max_pending=10, max_batch=3, max_delay_s=20)
    for name in "abc":
        assert batcher.submit(calls(name))
    work.wait_for("abc")
    assert batcher.close(20) == 0


def test_a_full_queue_takes_none_of_a_request_and_room_lets_it_in_again(work: Work) -> None:
    batcher = Batcher(work, max_pending=2, max_batch=1, max_delay_s=0)
    assert batcher.submit(calls("a"))
    assert work.started.wait(20)  # a is out of the queue
    assert batcher.submit(calls("b"))
    assert batcher.submit(calls("c", "d", "e"))  # taken whole: one place was left
    assert not batcher.submit(calls("f"))
    work.gate.set()
    work.wait_for("a", "b", "c", "d", "e")
    assert batcher.submit(calls("g"))
    work.wait_for("a", "b", "c", "d", "e", "g")
    assert batcher.close(20) == 0


def test_work_that_fails_does_not_stop_the_work_that_follows(work: Work, caplog: pytest.LogCaptureFixture) -> None:
    def fails_first(batch: Sequence[Call]) -> None:
        if batch[0].span_id == "a":
            raise ValueError("the first")
        work(batch)

    work.gate.set()
    batcher = Batcher(fails_first, max_pending=10, max_batch=1, max_delay_s=0)
    batcher.submit(calls("a", "b"))
    work.wait_for("b")
    assert batcher.close(20) == 0
    assert "ValueError: the first" in caplog.text


def test_the_oldest_pending_call_ages_until_its_evaluation_has_ended(work: Work) -> None:
    batcher = Batcher(work, max_pending=10, max_batch=1, max_delay_s=0)
    assert batcher.oldest_pending_s() == 0
    batcher.submit(calls("a"))
    assert work.started.wait(20)  # being evaluated, and pending still
    first = batcher.oldest_pending_s()
    assert 0 < first < batcher.oldest_pending_s()
    work.gate.set()
    assert batcher.close(20) == 0
    assert batcher.oldest_pending_s() == 0


def test_closing_evaluates_what_waits_and_takes_no_more(work: Work) -> None:
    work.gate.set()
    batcher = Batcher(work, max_pending=100, max_batch=4, max_delay_s=20)
    batcher.submit(calls(*"abc"))
    assert batcher.close(20) == 0
    assert work.batches == ["abc"]
    assert not batcher.submit(calls("d"))


def test_closing_gives_up_in_time_and_says_how_many_calls_are_left(work: Work) -> None:
    batcher = Batcher(work, max_pending=100, max_batch=1, max_delay_s=0)
    batcher.submit(calls(*"abc"))
    assert work.started.wait(20)
    assert batcher.close(0.01) == 3
    work.gate.set()
