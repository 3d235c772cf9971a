import functools
import math
import weakref

from support.fake_clock import FakeClock

from otel_llm.service.flow.awaiting_results import WaitingRequest, WaitingRequests


def test_a_waiting_request_is_forwarded_with_its_last_results_and_once_only() -> None:
    forwarded: list[dict] = []
    waiting = WaitingRequest(2, lambda results: forwarded.append(dict(results)))
    waiting.evaluated(0, ["a"])
    assert not waiting.is_forwarded
    waiting.evaluated(3, ["b"])
    assert forwarded == [{0: ["a"], 3: ["b"]}]
    assert not waiting.forward_now()
    assert len(forwarded) == 1


def test_a_request_that_is_forwarded_early_has_the_results_that_have_come() -> None:
    forwarded: list[dict] = []
    waiting = WaitingRequest(2, lambda results: forwarded.append(dict(results)))
    waiting.evaluated(0, ["a"])
    assert waiting.forward_now()
    waiting.evaluated(1, ["b"])
    assert forwarded == [{0: ["a"]}]


def requests(late: list[str], clock: FakeClock | None = None) -> WaitingRequests:
    return WaitingRequests(
        max_wait_s=60, max_bytes=100, on_late=lambda: late.append("late"), clock=clock or FakeClock()
    )


def test_a_request_without_calls_is_forwarded_at_once() -> None:
    forwarded: list[dict] = []
    waiting = requests([])
    assert waiting.add(0, 1000, lambda results: forwarded.append(dict(results))).is_forwarded
    assert (forwarded, waiting.next_due_s()) == ([{}], math.inf)


def test_requests_that_wait_for_results_are_bounded_in_bytes() -> None:
    late: list[str] = []
    waiting = requests(late)
    opened = [waiting.add(1, 40, lambda _: None) for _ in range(4)]
    opened[0].evaluated(0, [])  # with which it has gone, and its bytes
    waiting.forward_due()
    assert [each.is_forwarded for each in opened] == [True, True, False, False]
    assert late == ["late"]
    opened[2].evaluated(0, [])
    waiting.forward_due()
    assert late == ["late"]


def test_requests_that_were_forwarded_do_not_count() -> None:
    late: list[str] = []
    waiting = requests(late)
    opened = [waiting.add(1, 30, lambda _: None) for _ in range(4)]
    opened[2].evaluated(0, [])
    waiting.forward_due()
    assert ([each.is_forwarded for each in opened], late) == ([False, False, True, False], [])


def test_requests_wait_for_results_only_so_long() -> None:
    late: list[str] = []
    clock = FakeClock()
    waiting = requests(late, clock)
    opened = waiting.add(1, 10, lambda _: None)
    clock.advance(59)
    waiting.forward_due()
    assert (opened.is_forwarded, waiting.next_due_s()) == (False, 1)
    clock.advance(1)
    assert waiting.next_due_s() == 0
    waiting.forward_due()
    assert (opened.is_forwarded, late) == (True, ["late"])


def test_what_was_forwarded_keeps_no_request() -> None:
    request = Request()
    alive = weakref.ref(request)
    waiting = WaitingRequest(1, functools.partial(lambda request, results: None, request))
    del request
    waiting.forward_now()
    assert alive() is None


class Request:
    pass


def test_at_the_end_all_requests_are_forwarded_and_none_is_late() -> None:
    late: list[str] = []
    waiting = requests(late)
    opened = [waiting.add(1, 10, lambda _: None) for _ in range(2)]
    waiting.forward_all()
    assert ([each.is_forwarded for each in opened], late) == ([True, True], [])
