import threading
import time

import pytest

from otel_llm.errors import QueueFullError
from otel_llm.queue.memory import MemoryQueue


def test_records_come_in_order_and_count_until_they_are_settled() -> None:
    queue = MemoryQueue(max_bytes=10)
    for payload in (b"abcd", b"", b"efgh"):
        queue.append(payload).result(0)
    with pytest.raises(QueueFullError, match="the queue holds 8 of 10 bytes, 3 more do not fit"):
        queue.append(b"xyz")
    records = [queue.take(0) for _ in range(3)]
    assert [(record.sequence, record.payload) for record in records if record] == [
        (0, b"abcd"),
        (1, b""),
        (2, b"efgh"),
    ]
    assert (queue.take(0), queue.size, queue.pending) == (None, 8, 3)
    queue.settle([0, 1])
    assert (queue.size, queue.pending, list(queue.recent())) == (4, 1, [])
    queue.append(b"xyz").result(0)


def test_the_oldest_is_the_oldest_that_is_not_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    times_ns = iter([1_000_000_000, 3_000_000_000, 4_000_000_000, 5_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(times_ns))
    queue = MemoryQueue(max_bytes=10)
    assert queue.oldest_pending_s() == 0
    queue.append(b"a")
    queue.append(b"b")
    assert queue.oldest_pending_s() == 3
    queue.take(0)
    queue.settle([0])
    assert queue.oldest_pending_s() == 2


def test_a_consumer_waits_for_the_next_record_and_for_the_end() -> None:
    queue = MemoryQueue(max_bytes=10)
    threading.Timer(0.05, queue.append, [b"late"]).start()
    record = queue.take(10)
    assert record is not None
    assert record.payload == b"late"
    threading.Timer(0.05, queue.close).start()
    assert queue.take(10) is None
    with pytest.raises(QueueFullError, match="the queue is closing"):
        queue.append(b"x")
