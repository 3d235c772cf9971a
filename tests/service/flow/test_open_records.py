import functools
import math
import weakref

from otel_llm.service.flow.awaiting_verdicts import Passage, Passages
from otel_llm.service.flow.open_records import Ledger


def test_a_record_is_settled_once_its_last_share_is_released() -> None:
    settled: list[list[int]] = []
    ledger = Ledger(lambda sequences: settled.append(list(sequences)))
    for sequence in (1, 1, 2):
        ledger.hold(sequence)
    ledger.release([1, 2])
    assert settled == [[2]]
    ledger.release([1])
    assert settled == [[2], [1]]
    assert ledger.open == 0


def test_shares_of_one_record_are_released_together() -> None:
    settled: list[list[int]] = []
    ledger = Ledger(lambda sequences: settled.append(list(sequences)))
    for _ in range(3):
        ledger.hold(7)
    ledger.release([7, 7])
    assert settled == []
    ledger.release([7])
    assert settled == [[7]]


def test_a_passage_goes_on_with_its_last_verdict_and_once_only() -> None:
    gone: list[dict] = []
    passage = Passage(2, lambda verdicts: gone.append(dict(verdicts)))
    passage.evaluated(0, ["a"])
    assert not passage.gone
    passage.evaluated(3, ["b"])
    assert gone == [{0: ["a"], 3: ["b"]}]
    assert not passage.leave()
    assert len(gone) == 1


def test_a_passage_that_leaves_early_takes_the_verdicts_that_have_come() -> None:
    gone: list[dict] = []
    passage = Passage(2, lambda verdicts: gone.append(dict(verdicts)))
    passage.evaluated(0, ["a"])
    assert passage.leave()
    passage.evaluated(1, ["b"])
    assert gone == [{0: ["a"]}]


def passages(late: list[str], **bounds: float) -> Passages:
    return Passages(**{"max_wait_s": 60, "max_bytes": 100} | bounds, late=lambda: late.append("late"))


def test_a_request_without_calls_goes_on_at_once() -> None:
    gone: list[dict] = []
    waiting = passages([])
    assert waiting.open(0, 1000, lambda verdicts: gone.append(dict(verdicts))).gone
    assert (gone, waiting.next_due_s()) == ([{}], math.inf)


def test_requests_that_wait_for_verdicts_are_bounded_in_bytes() -> None:
    late: list[str] = []
    waiting = passages(late)
    opened = [waiting.open(1, 40, lambda _: None) for _ in range(4)]
    opened[0].evaluated(0, [])  # with which it has gone, and its bytes
    waiting.let_go()
    assert [each.gone for each in opened] == [True, True, False, False]
    assert late == ["late"]
    opened[2].evaluated(0, [])
    waiting.let_go()
    assert late == ["late"]


def test_those_that_have_gone_do_not_count() -> None:
    late: list[str] = []
    waiting = passages(late)
    opened = [waiting.open(1, 30, lambda _: None) for _ in range(4)]
    opened[2].evaluated(0, [])
    waiting.let_go()
    assert ([each.gone for each in opened], late) == ([False, False, True, False], [])


def test_requests_wait_for_verdicts_only_so_long() -> None:
    late: list[str] = []
    waiting = passages(late, max_wait_s=0)
    opened = waiting.open(1, 10, lambda _: None)
    assert waiting.next_due_s() == 0
    waiting.let_go()
    assert (opened.gone, late) == (True, ["late"])


def test_a_passage_that_has_gone_keeps_no_request() -> None:
    request = Request()
    alive = weakref.ref(request)
    passage = Passage(1, functools.partial(lambda request, verdicts: None, request))
    del request
    passage.leave()
    assert alive() is None


class Request:
    pass
