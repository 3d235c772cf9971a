from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.errors import QueueFullError
from otel_llm.queue.durable import DurableQueue
from otel_llm.queue.lanes import FairOrder
from otel_llm.queue.memory import MemoryQueue


def order(*items: tuple[str, int]) -> list[tuple[str, int]]:
    waiting: FairOrder[tuple[str, int]] = FairOrder()
    for lane, size in items:
        waiting.add(lane, size, (lane, size))
    return [waiting.pop() for _ in items]


def test_lanes_take_turns_whoever_came_first() -> None:
    assert [lane for lane, _ in order(*[("a", 10)] * 4, *[("b", 10)] * 2)] == ["a", "b", "a", "b", "a", "a"]


def test_a_lane_of_big_records_gets_no_more_bytes() -> None:
    taken = order(*[("big", 100)] * 5, *[("small", 10)] * 50)
    for end in range(11, 55):
        big, small = (sum(size for lane, size in taken[:end] if lane == name) for name in ("big", "small"))
        assert abs(big - small) <= 110


def test_a_lane_that_comes_late_neither_waits_nor_is_paid_for_its_absence() -> None:
    waiting: FairOrder[str] = FairOrder()
    for _ in range(100):
        waiting.add("early", 10, "early")
    assert [waiting.pop() for _ in range(50)] == ["early"] * 50
    for _ in range(100):
        waiting.add("late", 10, "late")
    turns = [waiting.pop() for _ in range(20)]
    assert turns.count("late") == 10
    assert "late" in turns[:2]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1000)), max_size=60))
def test_within_a_lane_the_order_is_kept_and_nothing_is_lost(items: list[tuple[str, int]]) -> None:
    taken = order(*items)
    for name in "abc":
        assert [each for each in taken if each[0] == name] == [each for each in items if each[0] == name]


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=30), st.lists(st.integers(1, 200), min_size=1, max_size=30)
)
def test_while_both_wait_two_lanes_differ_by_no_more_than_two_records(a: list[int], b: list[int]) -> None:
    taken = order(*[("a", size) for size in a], *[("b", size) for size in b])
    sums = {"a": 0, "b": 0}
    counts = {"a": 0, "b": 0}
    for lane, size in taken:
        sums[lane] += size
        counts[lane] += 1
        if counts["a"] < len(a) and counts["b"] < len(b):
            assert abs(sums["a"] - sums["b"]) <= max(a) + max(b)


@given(st.data())
def test_of_lanes_that_are_held_nothing_comes_and_nothing_is_lost(data: st.DataObject) -> None:
    waiting: FairOrder[tuple[str, int]] = FairOrder()
    added: list[tuple[str, int]] = []
    taken: list[tuple[str, int]] = []
    for number in range(data.draw(st.integers(0, 40))):
        if data.draw(st.booleans()):
            added.append((data.draw(st.sampled_from("abc")), number))
            waiting.add(added[-1][0], data.draw(st.integers(0, 100)), added[-1])
            continue
        held = data.draw(st.sets(st.sampled_from("abc")))
        left = [item for item in added if item not in taken and item[0] not in held]
        assert waiting.hold(held) == bool(left)
        if left:
            taken.append(waiting.pop())
            assert taken[-1] in left
    while waiting.hold(()):
        taken.append(waiting.pop())
    for name in "abc":
        assert [each for each in taken if each[0] == name] == [each for each in added if each[0] == name]


def test_a_lane_that_was_held_is_not_paid_for_that() -> None:
    waiting: FairOrder[str] = FairOrder()
    for lane in ["a"] * 20 + ["b"] * 40:
        waiting.add(lane, 10, lane)
    turns = [waiting.pop() for _ in range(20) if waiting.hold({"a"})]
    assert turns == ["b"] * 20
    turns = [waiting.pop() for _ in range(20) if waiting.hold(())]
    assert turns.count("a") == 10


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_queue_gives_the_records_of_lanes_that_are_not_held(tmp_path: Path, on_disk: bool) -> None:
    queue = DurableQueue(tmp_path / "queue", max_bytes=1 << 20) if on_disk else MemoryQueue(max_bytes=1 << 20)
    for payload, lane in ((b"1", "a"), (b"2", "b"), (b"3", "a")):
        queue.append(payload, lane).result(60)
    taken = queue.take(10, {"a"})
    assert taken is not None
    assert taken.payload == b"2"
    assert queue.take(0.01, {"a"}) is None
    assert [record.payload for _ in range(2) if (record := queue.take(10))] == [b"1", b"3"]
    queue.close()


def test_below_half_a_lane_takes_what_fits_and_above_it_its_share() -> None:
    queue = MemoryQueue(max_bytes=100)
    queue.append(bytes(50), "a")
    refusal = "tenant 'a' holds 50 of its share of 50 bytes, 1 more do not fit: 1 share the queue"
    assert queue.admits("a", 1) == refusal  # though it is alone: the rest is for who comes next
    with pytest.raises(QueueFullError, match=refusal):
        queue.append(b"x", "a")
    queue.append(bytes(10), "b")
    assert queue.admits("b", 23) is None
    assert (
        queue.admits("b", 24)
        == "tenant 'b' holds 10 of its share of 33 bytes, 24 more do not fit: 2 share the queue"
    )
    assert queue.admits("", 26) == (
        "the tenant without a name holds 0 of its share of 25 bytes, 26 more do not fit: 3 share the queue"
    )
    assert queue.admits("c", 41) == "the queue holds 60 of 100 bytes, 41 more do not fit"


def test_who_has_no_name_and_is_alone_has_all() -> None:
    queue = MemoryQueue(max_bytes=100)
    queue.append(bytes(60))
    assert queue.admits("", 40) is None
    assert (
        queue.admits("a", 34)
        == "tenant 'a' holds 0 of its share of 33 bytes, 34 more do not fit: 2 share the queue"
    )


def test_a_lane_holds_its_records_until_they_are_settled() -> None:
    queue = MemoryQueue(max_bytes=100)
    queue.append(b"abc", "a")
    queue.append(b"de", "b")
    assert queue.lanes() == {"a": 3, "b": 2}
    records = [queue.take(0), queue.take(0)]
    assert [(record.lane, record.attempts) for record in records if record] == [("b", 0), ("a", 0)]
    assert (queue.held("a"), queue.held("c")) == (3, 0)
    queue.settle([0])
    queue.settle([0])
    assert (queue.lanes(), queue.size) == ({"b": 2}, 2)
