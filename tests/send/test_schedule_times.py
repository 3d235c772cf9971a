"""When a request is tried and given up, on a fake clock: an attempt takes no time, and a wait moves the clock."""

import itertools
import math
from collections.abc import Callable

import pytest
from support.fake_clock import FakeClock

from otel_llm.config.send import LONGEST_ASKED_PAUSE_S, DestinationSettings
from otel_llm.send.lane import PendingRequest, SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.schedule import Batch, Schedule

DELIVERED, DOWN = Reply("delivered"), Reply("retry", "down")
LIMITED = Reply("retry", "over its limit", retry_after_s=60, for_all=True)


class Simulation:
    """A schedule, what was tried when, and what became of each request."""

    def __init__(self, replies: dict[str, Reply], *, retry: dict[str, float], batch_delay_s: float = 0) -> None:
        self.replies = replies
        self.clock = FakeClock()
        settings = DestinationSettings(endpoint="http://localhost:1", batch_delay_s=batch_delay_s, retry=retry)
        self.schedule = Schedule("forward", settings, self.clock)
        self.attempts: list[tuple[float, str, bytes]] = []
        """Seconds since the start, tenant and body of each attempt."""
        self.ended: list[tuple[str, Reply]] = []
        self._start_s = self.clock.now_s

    @property
    def elapsed_s(self) -> float:
        return self.clock.now_s - self._start_s

    def send(self, tenant: str, content: bytes = b"x") -> None:
        pending = PendingRequest(content, 1, ignore, self.clock.now_s)
        self.schedule.queue.add(("traces", tenant), pending)

    def begin(self) -> Batch:
        """The next batch, once it is due."""
        while not isinstance(found := self.schedule.next_batch(), Batch):
            assert found < math.inf, "nothing will ever be due"
            self.clock.advance(found)
        return found

    def end(self, batch: Batch, reply: Reply) -> None:
        self.schedule.record_reply(batch, reply)
        if reply.kind == "retry":
            self.schedule.queue.put_back(batch.key, batch.requests)
        else:
            self._finish(batch, reply)

    def run_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            batch = self.begin()
            if batch.expired:
                self._finish(batch, batch.expired)
                continue
            tenant = batch.key[1]
            self.attempts.append((self.elapsed_s, tenant, b"".join(each.body for each in batch.requests)))
            self.end(batch, self.replies.get(tenant, DELIVERED))

    def _finish(self, batch: Batch, reply: Reply) -> None:
        self.ended += [(batch.key[1], reply)] * len(batch.requests)
        self.schedule.queue.finish(batch.key, batch.requests)


def ignore(_: SendOutcome) -> None:
    pass


def test_a_small_request_waits_for_others_only_so_long() -> None:
    run = Simulation({}, retry={}, batch_delay_s=0.2)
    run.send("acme", b"a")
    run.clock.advance(0.1)
    run.send("acme", b"b")
    run.run_until(lambda: bool(run.ended))
    assert run.attempts == [(pytest.approx(0.2), "acme", b"ab")]


def test_a_tenant_whose_failures_look_like_an_outage_is_asked_ever_more_seldom() -> None:
    run = Simulation({"acme": DOWN}, retry={"initial_s": 0.05, "max_s": 30})
    run.send("acme")
    while run.elapsed_s < 2:
        before = len(run.ended)
        run.send("zoo")
        run.run_until(lambda before=before: len(run.ended) > before)
        run.clock.advance(0.01)
    tried = sum(tenant == "acme" for _, tenant, _ in run.attempts)
    assert 6 <= tried <= 7  # pauses of 0.05 s, 0.1 s, ... 1.6 s, or half of it: not every 0.04 s
    assert run.ended == [("zoo", DELIVERED)] * len(run.ended)
    assert len(run.ended) > 100


def test_who_comes_while_another_one_alone_fails_does_not_wait_for_that() -> None:
    run = Simulation({"acme": DOWN}, retry={"initial_s": 0.05, "max_s": 60})
    run.send("acme")
    run.run_until(lambda: len(run.attempts) == 7)  # the next attempt comes after a second and a half or more
    began_s = run.elapsed_s
    run.send("zoo")
    run.run_until(lambda: bool(run.ended))
    assert run.elapsed_s - began_s <= 0.05 + 1e-6


def test_while_the_destination_is_down_one_batch_at_a_time_is_tried_for_all() -> None:
    run = Simulation({str(number): DOWN for number in range(8)}, retry={"initial_s": 0.2, "max_s": 0.2})
    for number in range(8):
        run.send(str(number))
    run.run_until(lambda: run.elapsed_s > 60)
    times = [at_s for at_s, _, _ in run.attempts]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert min(pauses[8:]) >= 0.1 - 1e-6  # once each tenant has failed, half of max_s or more
    assert max(pauses) <= 0.2 + 1e-6
    assert {tenant for _, tenant, _ in run.attempts[8:]} == set(run.replies)
    probe = run.begin()
    wait_s = run.schedule.next_batch()
    assert wait_s == math.inf  # nothing else starts while the attempt is in flight
    run.end(probe, DELIVERED)
    run.replies.clear()
    before_s = run.elapsed_s
    run.run_until(lambda: len(run.ended) == 8)
    assert run.elapsed_s - before_s <= 0.2 + 1e-6


@pytest.mark.parametrize("later", [DELIVERED, DOWN], ids=["delivered", "down"])
def test_a_pause_that_was_asked_for_outlasts_an_attempt_that_began_before(later: Reply) -> None:
    run = Simulation({}, retry={"initial_s": 0.01, "max_s": 0.01})
    run.send("acme", b"first")
    first = run.begin()
    run.send("acme", b"second")
    second = run.begin()
    run.end(first, LIMITED)
    run.end(second, later)
    began_s = run.elapsed_s
    run.begin()
    assert run.elapsed_s - began_s == pytest.approx(60)


def test_a_pause_that_ends_after_the_time_for_a_request_ends_it_at_once() -> None:
    run = Simulation({"acme": LIMITED}, retry={"max_elapsed_s": 30})
    run.send("acme")
    run.run_until(lambda: bool(run.ended))
    reason = "over its limit, asked for a pause of 60 s, and retry.max_elapsed_s is 30"
    assert run.ended == [("acme", Reply("refused", reason))]
    assert (run.elapsed_s, len(run.attempts)) == (0, 1)


def test_a_receiver_cannot_ask_for_any_pause() -> None:
    assert LONGEST_ASKED_PAUSE_S == 300
    run = Simulation({"acme": LIMITED._replace(retry_after_s=1e9)}, retry={"max_elapsed_s": 0})
    run.send("acme")
    run.run_until(lambda: len(run.attempts) == 2)
    assert run.elapsed_s == pytest.approx(300)


def test_a_request_that_waits_for_another_ones_attempt_keeps_its_own_time() -> None:
    run = Simulation({"a": DOWN}, retry={"initial_s": 0.1, "max_s": 0.2, "max_elapsed_s": 3})
    run.send("a")
    run.run_until(lambda: len(run.attempts) == 1)
    probe = run.begin()
    run.send("b")
    began_s = run.elapsed_s
    expired = run.begin()
    assert expired.key == ("traces", "b")
    assert expired.expired == Reply("refused", "down, for 3 s")
    assert run.elapsed_s - began_s == pytest.approx(3)
    run.end(probe, DELIVERED)
    assert run.ended == [("a", DELIVERED)]


def test_attempts_that_fail_together_are_one_failure() -> None:
    run = Simulation({}, retry={"initial_s": 0.1, "max_s": 30})
    for number in range(8):
        run.send(str(number))
    for batch in [run.begin() for _ in range(8)]:
        run.end(batch, DOWN)
    run.begin()
    assert 0.05 <= run.elapsed_s <= 0.1 + 1e-6  # eight failures in a row would ask for a pause of 6 s or more
