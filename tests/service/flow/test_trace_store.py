import time

import pytest
from support.fake_clock import FakeClock

from otel_llm.config.flow import JoinSettings
from otel_llm.genai.call import Message, Part
from otel_llm.genai.decode import ContentEvent
from otel_llm.service.flow.trace_store import TraceStore

TRACE, OTHER, SPAN = "a" * 32, "b" * 32, "1" * 16


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def store(clock: FakeClock, **settings: float) -> TraceStore[str]:
    return TraceStore(JoinSettings(**settings), clock)


def message(role: str, text: str) -> tuple[Message, ...]:
    return (Message(role, (Part("text", text),)),)


def question(trace_id: str = TRACE) -> ContentEvent:
    return ContentEvent(trace_id=trace_id, span_id=SPAN, input=message("user", "Why?"), output=(), system="")


def answer(trace_id: str = TRACE) -> ContentEvent:
    return ContentEvent(trace_id=trace_id, span_id=SPAN, input=(), output=message("assistant", "So."), system="")


def test_documents_are_kept_by_trace_without_repeats(clock: FakeClock) -> None:
    kept = store(clock)
    kept.add_documents(TRACE, ["one", "two"])
    kept.add_documents(TRACE, ["two", "three"])
    assert list(kept.documents(TRACE)) == ["one", "two", "three"]
    assert list(kept.documents(OTHER)) == []


def test_a_call_waits_until_its_answer_has_come(clock: FakeClock) -> None:
    kept = store(clock, wait_s=5)
    kept.wait(TRACE, SPAN, "call", 1)
    kept.add_event(TRACE, question())
    assert kept.take_due() == []
    kept.add_event(TRACE, answer())
    assert kept.take_due() == ["call"]
    assert [event.output for event in kept.events(TRACE, SPAN)] == [(), answer().output]
    assert kept.take_due() == []


def test_content_that_came_first_makes_a_call_complete(clock: FakeClock) -> None:
    kept = store(clock)
    assert not kept.is_complete(TRACE, SPAN)
    kept.add_event(TRACE, answer())
    assert kept.is_complete(TRACE, SPAN)


def test_a_call_goes_on_without_content_once_its_time_is_up(clock: FakeClock) -> None:
    kept = store(clock, wait_s=5)
    kept.wait(TRACE, SPAN, "call", 1)
    assert kept.next_due_s() == 5
    clock.advance(4)
    assert (kept.take_due(), kept.next_due_s()) == ([], 1)
    clock.advance(1)
    assert kept.take_due() == ["call"]
    assert kept.next_due_s() == float("inf")


def test_a_trace_is_forgotten_after_its_time(clock: FakeClock) -> None:
    kept = store(clock, keep_s=60)
    kept.add_documents(TRACE, ["one"])
    clock.advance(59)
    kept.add_documents(OTHER, ["two"])
    assert list(kept.documents(TRACE)) == ["one"]
    clock.advance(2)
    kept.add_documents(OTHER, ["three"])
    assert list(kept.documents(TRACE)) == []
    assert list(kept.documents(OTHER)) == ["two", "three"]


def test_the_oldest_trace_makes_room(clock: FakeClock) -> None:
    kept = store(clock, max_bytes=10_000)
    kept.add_documents(TRACE, ["x" * 6000])
    kept.add_documents(OTHER, ["y" * 6000])
    assert list(kept.documents(TRACE)) == []
    assert list(kept.documents(OTHER)) == ["y" * 6000]


def test_traces_without_documents_are_bounded_as_well(clock: FakeClock) -> None:
    kept = store(clock, max_bytes=10_000)
    for number in range(1000):
        kept.add_documents(f"{number:032x}", [])
    assert len(kept._traces) <= 20


def test_at_the_end_all_that_wait_go_on(clock: FakeClock) -> None:
    kept = store(clock, wait_s=5)
    kept.wait(TRACE, SPAN, "call", 1)
    assert kept.take_all() == ["call"]
    assert kept.take_due() == []


def test_a_span_that_waits_twice_goes_on_twice(clock: FakeClock) -> None:
    kept = store(clock, wait_s=5)
    kept.wait(TRACE, SPAN, "first", 1)
    kept.wait(TRACE, SPAN, "second", 1)
    assert kept.take_due() == ["first"]
    kept.wait(TRACE, SPAN, "third", 1)
    assert kept.take_all() == ["second", "third"]


def test_many_documents_of_one_trace_take_no_time_and_have_a_bound(clock: FakeClock) -> None:
    kept = store(clock, max_bytes=100 << 20)
    started_s = time.process_time()
    for part in range(4):
        kept.add_documents(TRACE, [f"document {number}" for number in range(part * 10_000, (part + 2) * 10_000)])
    assert len(kept.documents(TRACE)) == 50_000
    assert time.process_time() - started_s < 3
    small = store(clock, max_bytes=1 << 20)
    small.add_documents(TRACE, [str(number) for number in range(10_000)])  # objects count as well as characters
    assert small.documents(TRACE) == ()


def test_what_is_old_goes_though_nothing_comes(clock: FakeClock) -> None:
    kept = store(clock, keep_s=60)
    kept.add_documents(TRACE, ["one"])
    clock.advance(61)
    kept.take_due()
    assert kept.documents(TRACE) == ()


def test_items_that_wait_are_bounded_in_bytes(clock: FakeClock) -> None:
    kept = store(clock, wait_s=5, max_bytes=100)
    for name in ("first", "second", "third"):
        kept.wait(TRACE, name, name, 40)
    assert kept.take_due() == ["first"]
    kept.wait(TRACE, "fourth", "fourth", 90)
    assert kept.take_due() == ["second", "third"]
