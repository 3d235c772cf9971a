import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.errors import QueueError, QueueFullError
from otel_llm.queue.durable import DurableQueue, Fsync

MAX_BYTES = 1 << 20


def opened(folder: Path, *, max_bytes: int = MAX_BYTES, fsync: Fsync = "never") -> DurableQueue:
    return DurableQueue(folder, max_bytes=max_bytes, fsync=fsync)


def appended(queue: DurableQueue, *payloads: bytes) -> None:
    for written in [queue.append(payload) for payload in payloads]:
        written.result(10)


def taken(queue: DurableQueue) -> list[tuple[int, bytes]]:
    records = []
    while record := queue.take(0):
        records.append((record.sequence, record.payload))
    return records


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
    assert taken(queue) == [(1, b"b"), (2, b"c"), (3, b"d")]
    queue.settle([1, 2, 3])
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
        assert held == queue.size <= 64_000
    queue.close()


def test_a_full_queue_takes_nothing_until_there_is_room(tmp_path: Path) -> None:
    queue = opened(tmp_path, max_bytes=10_000)
    with pytest.raises(QueueFullError, match=r"the queue holds \d+ of 10000 bytes, 1020 more do not fit"):
        appended(queue, *[bytes(1000)] * 10)
    while queue.size < 9000:
        time.sleep(0.001)  # those that did fit are being written
    records = taken(queue)
    assert len(records) == 9
    queue.settle([sequence for sequence, _ in records])
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


def test_the_age_of_the_oldest_survives_a_restart(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    assert queue.oldest_pending_s() == 0
    appended(queue, b"a", b"b")
    time.sleep(0.05)
    queue.close()
    queue = opened(tmp_path)
    assert 0.05 <= queue.oldest_pending_s() < 10
    assert queue.pending == 2
    queue.settle([sequence for sequence, _ in taken(queue)])
    assert (queue.oldest_pending_s(), queue.pending) == (0, 0)
    queue.close()


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(1, 3000), noise=st.binary(max_size=40))
def test_a_record_cut_by_a_crash_costs_only_itself(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    folder = tmp_path_factory.mktemp("queue")
    payloads = [random.Random(n).randbytes(n * 100) for n in range(8)]
    queue = opened(folder)
    appended(queue, *payloads)
    queue.close()
    [path] = folder.glob("*.segment")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - cut] + noise)
    queue = opened(folder)
    whole = taken(queue)
    assert whole == list(enumerate(payloads))[: len(whole)]
    assert len(whole) >= 8 - cut // 100 - 2
    appended(queue, b"after")
    queue.close()
    queue = opened(folder)
    assert taken(queue) == [*whole, (len(whole), b"after")]
    queue.close()


def test_settled_records_that_a_power_failure_took_do_not_hide_new_ones(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    appended(queue, b"a", b"b", b"c")
    queue.settle([sequence for sequence, _ in taken(queue)])
    queue.close()
    [path] = tmp_path.glob("*.segment")
    path.write_bytes(b"")  # the cursor reached the disk, the records did not
    queue = opened(tmp_path)
    appended(queue, b"d")
    queue.close()
    queue = opened(tmp_path)
    assert taken(queue) == [(3, b"d")]
    queue.close()


def test_damage_in_the_middle_is_said_and_costs_no_other_segment(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = opened(tmp_path, max_bytes=80_000)
    appended(queue, *[bytes([n]) * 3000 for n in range(9)])
    queue.close()
    first, second, *_ = sorted(tmp_path.glob("*.segment"))
    first.write_bytes(first.read_bytes()[:100])
    queue = opened(tmp_path, max_bytes=80_000)
    lost = int(second.stem)
    assert [sequence for sequence, _ in taken(queue)] == list(range(lost, 9))
    assert f"{lost} records before {second.name} are damaged" in caplog.text
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


WRITER = """
import sys
from pathlib import Path
from otel_llm.queue.durable import DurableQueue

queue = DurableQueue(Path(sys.argv[1]), max_bytes=1 << 26, fsync="group")
sent = int(sys.argv[2])
while True:
    written = [(n, queue.append(b"%d " % n + bytes(n % 5000))) for n in range(sent, sent + 20)]
    sent += 20
    for number, future in written:
        future.result()
        print("appended", number, flush=True)
    for _ in range(10):  # half of them are settled
        record = queue.take()
        number = int(record.payload.split(b" ", 1)[0])
        print("settling", number, flush=True)
        queue.settle([record.sequence])
        print("settled", number, flush=True)
"""


def test_what_was_acknowledged_survives_being_killed(tmp_path: Path) -> None:
    said: dict[str, set[int]] = {"appended": set(), "settling": set(), "settled": set()}
    choose = random.Random(5)
    for run in range(6):
        # numbers of its own: what was written and not yet acknowledged is there as well
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(run * 1_000_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            lines = [process.stdout.readline()]  # it runs
            threading.Timer(choose.uniform(0, 0.2), process.kill).start()
            lines += process.stdout.readlines()
        assert process.returncode == -signal.SIGKILL
        for what, number in (line.split() for line in lines if line.endswith("\n")):
            said[what].add(int(number))
    queue = opened(tmp_path, max_bytes=1 << 26)
    left = [int(payload.split(b" ", 1)[0]) for _, payload in taken(queue)]
    queue.close()
    assert len(said["appended"]) > 100
    assert said["appended"] - said["settling"] <= set(left)
    assert not said["settled"] & set(left)
    assert len(left) == len(set(left))
