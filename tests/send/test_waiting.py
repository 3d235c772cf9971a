"""The lines of requests that wait to be sent."""

import math
import time

from otel_llm.send.send_queue import Lines, Waiting

ACME, ZOO = ("traces", "acme"), ("traces", "zoo")


def request(size: int, age_s: float = 0) -> Waiting:
    return Waiting(b"x" * size, 1, lambda _: None, time.monotonic() - age_s)


def lines(delay_s: float = 60) -> Lines:
    return Lines(max_request_bytes=1000, delay_s=delay_s)


def test_nothing_is_due_where_nothing_waits() -> None:
    waiting = lines()
    assert not waiting
    assert waiting.due(at_once=True) == (None, math.inf)


def test_a_small_request_is_due_after_its_delay_or_at_once() -> None:
    waiting = lines()
    waiting.add(ACME, request(10, age_s=20))
    waiting.add(ZOO, request(10, age_s=50))
    key, wait_s = waiting.due(at_once=False)
    assert key is None
    assert 9 < wait_s <= 10
    assert waiting.due(at_once=True) == (ACME, 0)
    waiting.add(("logs", "zoo"), request(10, age_s=61))
    assert waiting.due(at_once=False) == (("logs", "zoo"), 0)


def test_a_line_that_fills_a_request_is_due_now_and_what_is_left_of_it_waits_again() -> None:
    waiting = lines()
    for size in (600, 300, 200):
        assert waiting.due(at_once=False)[0] is None
        waiting.add(ACME, request(size))
    assert waiting.due(at_once=False) == (ACME, 0)
    assert [len(each.body) for each in waiting.take(ACME)] == [600, 300]
    assert waiting.due(at_once=False)[0] is None
    assert [len(each.body) for each in waiting.take(ACME)] == [200]
    assert waiting.due(at_once=True) == (None, math.inf)


def test_only_what_changes_when_something_is_due_is_worth_waking_for() -> None:
    waiting = lines()
    assert waiting.add(ACME, request(400))
    assert not waiting.add(ACME, request(400))
    assert waiting.add(ACME, request(400))  # it fills a request
    assert not waiting.add(ACME, request(400))
    assert waiting.add(ZOO, request(10))


def test_a_request_that_is_too_large_leaves_alone() -> None:
    waiting = lines()
    for size in (1500, 10):
        waiting.add(ACME, request(size))
    assert [len(each.body) for each in waiting.take(ACME)] == [1500]


def test_no_line_waits_behind_another_ones_many_requests() -> None:
    waiting = lines(delay_s=0)
    for key in (ACME, ACME, ACME, ZOO):
        waiting.add(key, request(1000))
    order = []
    while waiting:
        key, _ = waiting.due(at_once=False)
        assert key is not None
        order.append(key)
        waiting.end(key, waiting.take(key))
    assert order == [ACME, ZOO, ACME, ACME]


def test_requests_that_are_put_back_are_in_the_order_in_which_they_came() -> None:
    waiting = lines()
    for age_s in (30, 20, 10):
        waiting.add(ACME, request(800, age_s))
    taken = [waiting.take(ACME) for _ in range(2)]
    for each in taken:
        waiting.put_back(ACME, each)
    came = [waiting.take(ACME)[0].since_s for _ in range(3)]
    assert came == sorted(came)
