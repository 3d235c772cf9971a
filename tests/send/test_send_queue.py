"""The lanes of requests that wait to be sent."""

import math

from support.fake_clock import FakeClock

from otel_llm.send.lane import PendingRequest
from otel_llm.send.send_queue import SendQueue

ACME, ZOO = ("traces", "acme"), ("traces", "zoo")
CLOCK = FakeClock()


def request(size: int, age_s: float = 0) -> PendingRequest:
    return PendingRequest(b"x" * size, 1, lambda _: None, CLOCK.now_s - age_s)


def send_queue(delay_s: float = 60) -> SendQueue:
    return SendQueue(max_request_bytes=1000, delay_s=delay_s, clock=CLOCK)


def test_nothing_is_ready_where_nothing_waits() -> None:
    queue = send_queue()
    assert not queue
    assert queue.ready(at_once=True) == (None, math.inf)


def test_a_small_request_is_ready_after_its_delay_or_at_once() -> None:
    queue = send_queue()
    queue.add(ACME, request(10, age_s=20))
    queue.add(ZOO, request(10, age_s=50))
    assert queue.ready(at_once=False) == (None, 10)
    assert queue.ready(at_once=True) == (ACME, 0)
    queue.add(("logs", "zoo"), request(10, age_s=61))
    assert queue.ready(at_once=False) == (("logs", "zoo"), 0)


def test_a_lane_that_fills_a_request_is_ready_now_and_what_is_left_of_it_waits_again() -> None:
    queue = send_queue()
    for size in (600, 300, 200):
        assert queue.ready(at_once=False)[0] is None
        queue.add(ACME, request(size))
    assert queue.ready(at_once=False) == (ACME, 0)
    assert [len(each.body) for each in queue.take(ACME)] == [600, 300]
    assert queue.ready(at_once=False)[0] is None
    assert [len(each.body) for each in queue.take(ACME)] == [200]
    assert queue.ready(at_once=True) == (None, math.inf)


def test_only_what_changes_when_something_is_ready_is_worth_waking_for() -> None:
    queue = send_queue()
    assert queue.add(ACME, request(400))
    assert not queue.add(ACME, request(400))
    assert queue.add(ACME, request(400))  # it fills a request
    assert not queue.add(ACME, request(400))
    assert queue.add(ZOO, request(10))


def test_a_request_that_is_too_large_leaves_alone() -> None:
    queue = send_queue()
    for size in (1500, 10):
        queue.add(ACME, request(size))
    assert [len(each.body) for each in queue.take(ACME)] == [1500]


def test_no_lane_waits_behind_another_ones_many_requests() -> None:
    queue = send_queue(delay_s=0)
    for key in (ACME, ACME, ACME, ZOO):
        queue.add(key, request(1000))
    order = []
    while queue:
        key, _ = queue.ready(at_once=False)
        assert key is not None
        order.append(key)
        queue.finish(key, queue.take(key))
    assert order == [ACME, ZOO, ACME, ACME]


def test_requests_that_are_put_back_are_in_the_order_in_which_they_came() -> None:
    queue = send_queue()
    for age_s in (30, 20, 10):
        queue.add(ACME, request(800, age_s))
    taken = [queue.take(ACME) for _ in range(2)]
    for each in taken:
        queue.put_back(ACME, each)
    came = [queue.take(ACME)[0].received_s for _ in range(3)]
    assert came == sorted(came)
