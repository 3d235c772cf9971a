import resource
import signal
import threading
import time
from pathlib import Path

import pytest
from queue_calls import appended, opened, taken

from otel_llm.errors import QueueError, QueueFullError
from otel_llm.queue.durable import Fsync


@pytest.mark.parametrize("fsync", ["always", "group", "never"])
def test_records_come_in_order_and_whole(tmp_path: Path, fsync: Fsync) -> None:
    queue = opened(tmp_path, fsync=fsync)
    payloads = [b"", b"one", bytes(range(256)) * 40, b"OLQ1" * 9]
    appended(queue, *payloads)
    assert taken(queue) == list(enumerate(payloads))
    queue.close()


def test_what_is_not_settled_comes_again_after_a_restart(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    appended(queue, b"a", b"b", b"c", b"d")
    assert len(taken(queue)) == 4
    queue.settle([0, 2])  # c is settled before b: b is the lowest that is not
    queue.close()
    queue = opened(tmp_path)
    assert list(queue.recent()) == [b"a", b"c"]
    assert taken(queue) == [(1, b"b"), (3, b"d")]
    queue.settle([1, 3])
    queue.close()
    queue = opened(tmp_path)
    assert taken(queue) == []
    appended(queue, b"e")
    assert taken(queue) == [(4, b"e")]
    queue.close()


def test_space_comes_back_once_records_are_settled(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=64_000)
    for _ in range(40):
        appended(queue, *[bytes(1000)] * 10)
        records = taken(queue)
        assert len(records) == 10
        queue.settle([sequence for sequence, _ in records])
        held = sum(path.stat().st_size for path in tmp_path.glob("*.segment"))
        assert queue.size <= held <= 64_000
    queue.close()


def test_a_full_queue_takes_nothing_until_there_is_room(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=10_000)
    with pytest.raises(QueueFullError, match=r"the queue holds \d+ of 10000 bytes, 1040 more do not fit"):
        appended(queue, *[bytes(1000)] * 10)
    records = [record for _ in range(9) if (record := queue.take(10))]
    assert (len(records), queue.take(0)) == (9, None)
    queue.settle([record.sequence for record in records])
    appended(queue, b"next")
    assert taken(queue) == [(9, b"next")]
    queue.close()


def test_a_consumer_waits_for_the_next_record(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    timer = threading.Timer(0.05, queue.append, [b"late"])
    timer.start()
    record = queue.take(10)
    assert record is not None
    assert record.payload == b"late"
    assert abs(record.time_ns - time.time_ns()) < 10e9
    assert queue.take(0.01) is None
    queue.close()


def test_a_caller_that_gives_up_upsets_nothing(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    assert not queue.append(b"a").cancel()
    appended(queue, b"b")
    assert taken(queue) == [(0, b"a"), (1, b"b")]
    queue.close()


def test_the_age_of_the_oldest_survives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = opened(tmp_path)
    assert queue.oldest_pending_s() == 0
    times_ns = iter([1_000_000_000, 3_000_000_000, 6_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(times_ns))
    appended(queue, b"a", b"b")
    queue.close()
    queue = opened(tmp_path)
    assert queue.oldest_pending_s() == 5
    assert queue.pending == 2
    queue.settle([sequence for sequence, _ in taken(queue)])
    assert (queue.oldest_pending_s(), queue.pending) == (0, 0)
    queue.close()


def test_lanes_are_known_again_after_a_restart(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=10_000)
    for lane in ("a", "a", "a", "b", ""):
        queue.append(bytes(1000), lane).result(60)
    queue.close()
    queue = opened(tmp_path, max_bytes=10_000)
    assert queue.lanes() == {"a": 3 * 1041, "b": 1041, "": 1040}
    assert queue.admits("a", 1000) == (
        "tenant 'a' holds 3123 of its share of 2500 bytes, 1041 more do not fit: 3 share the queue"
    )
    records = [queue.take(0) for _ in range(5)]
    assert [record.lane for record in records if record][:3] == ["", "a", "b"]
    queue.close()


def test_a_lane_of_an_endless_name_is_refused(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    with pytest.raises(ValueError, match="lane: must have at most 65535 bytes, got 70000"):
        queue.append(b"", "x" * 70_000)
    queue.close()


def test_some_history_is_always_kept_and_gives_way(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=16_000)
    for n in range(100):
        appended(queue, b"%04d" % n + bytes(496))
        record = queue.take(0)
        assert record
        queue.settle([record.sequence])
        history = [int(payload[:4]) for payload in queue.recent()]
        assert history == list(range(n - len(history) + 1, n + 1))
        assert len(history) >= min(n, 3)
    assert [payload[:4] for payload in queue.recent(1000)] == [b"0098", b"0099"]
    appended(queue, bytes(14_000))  # fits only if the history goes
    assert list(queue.recent()) == []
    queue.close()


def test_a_big_record_that_is_settled_makes_room_for_the_next(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=10_000)
    for _ in range(3):
        appended(queue, bytes(9000))
        [(sequence, _)] = taken(queue)
        queue.settle([sequence])
    queue.close()


def test_too_late_is_said_by_doing_nothing(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    appended(queue, b"a")
    record = queue.take(0)
    assert record
    queue.close()
    queue.settle([record.sequence])
    assert (queue.take(0), list(queue.recent())) == (None, [])
    queue = opened(tmp_path)
    assert taken(queue) == [(0, b"a")]
    queue.close()


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    with pytest.raises(QueueError, match=f"queue.folder '{tmp_path}' is in use by another process"):
        opened(tmp_path)
    queue.close()
    opened(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QueueError, match=r"queue\.folder '.*file/queue' cannot be used: .*Not a directory"):
        opened(tmp_path / "file" / "queue")


def test_a_disk_that_refuses_costs_only_what_it_refused(tmp_path: Path) -> None:
    # RLIMIT_FSIZE refuses what goes beyond a file's size, as a full disk does what goes beyond its own
    queue = opened(tmp_path)
    appended(queue, b"before")
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, unlimited[1]))
    try:
        with pytest.raises(QueueFullError, match=r"the queue's disk refused it: .*File too large"):
            appended(queue, bytes(5000))
        appended(queue, b"small")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        signal.signal(signal.SIGXFSZ, ignored)
    appended(queue, bytes(5000))
    queue.close()
    queue = opened(tmp_path)
    assert taken(queue) == [(0, b"before"), (1, b"small"), (2, bytes(5000))]
    queue.close()
