"""What a crash, a power failure or damage leaves of a queue, and which record is given up."""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_calls import appended, opened, taken

from otel_llm.errors import QueueError
from otel_llm.queue.segments import RecordPlace, packed


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
    lost = int(second.stem[:20])
    assert [sequence for sequence, _ in taken(queue)] == list(range(lost, 9))
    assert f"{second}: {lost} records before number {lost} are damaged or gone" in caplog.text
    queue.close()


def test_a_damaged_record_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    queue = opened(tmp_path)
    appended(queue, *[bytes([n]) * 1000 for n in range(6)])
    queue.close()
    [path] = tmp_path.glob("*.segment")
    data = bytearray(path.read_bytes())
    data[2 * 1040 + 500] ^= 1  # in a payload
    data[4 * 1040 + 1] ^= 1  # in a header
    path.write_bytes(data)
    queue = opened(tmp_path)
    assert taken(queue) == [(n, bytes([n]) * 1000) for n in (0, 1, 3, 5)]
    assert f"{path}: 1 records before number 3 are damaged or gone: they are lost" in caplog.text
    assert f"{path}: 1 records before number 5 are damaged or gone: they are lost" in caplog.text
    appended(queue, b"after")
    assert taken(queue) == [(6, b"after")]
    queue.close()


def test_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    appended(queue, b"a")
    queue.close()
    [path] = tmp_path.glob("*.segment")
    data = path.read_bytes()
    path = path.rename(path.with_name(path.name.replace(".3.", ".9.")))
    with pytest.raises(
        QueueError, match=f"{path} is not of version 3, which this release reads: .* move the file"
    ):
        opened(tmp_path)
    assert path.read_bytes() == data
    path.unlink()
    opened(tmp_path).close()


def test_a_payload_that_looks_like_records_is_none_and_is_passed_in_no_time(tmp_path: Path) -> None:
    forged = b"".join(packed(bytes(16), RecordPlace(9, 0, "", 0, 0, 0), b"forged"))
    long, _ = packed(bytes(16), RecordPlace(9, 0, "", 0, 0, 0), bytes(3 << 20))  # its checksum takes a millisecond
    queue = opened(tmp_path, max_bytes=1 << 26)
    appended(queue, forged + long * 50_000 + bytes(3 << 20), b"after")
    queue.close()
    [path] = tmp_path.glob("*.segment")
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    started_s = time.process_time()
    queue = opened(tmp_path, max_bytes=1 << 26)
    assert taken(queue) == [(1, b"after")]
    assert time.process_time() - started_s < 10
    queue.close()


def test_a_torn_cursor_is_the_one_before_it(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    appended(queue, b"a", b"b", b"c")
    for sequence, _ in taken(queue):
        queue.settle([sequence])
    queue.close()
    cursor = bytearray((tmp_path / "cursor").read_bytes())
    newest = max(range(0, 24, 12), key=lambda at: cursor[at])
    cursor[newest + 9] ^= 1
    (tmp_path / "cursor").write_bytes(cursor)
    queue = opened(tmp_path)
    assert taken(queue) == [(2, b"c")]
    queue.close()


WRITER = """
import sys
from pathlib import Path
from otel_llm.queue.durable import DurableQueue

queue = DurableQueue(Path(sys.argv[1]), max_bytes=1 << 26, fsync="group")
sent = int(sys.argv[2])
while True:
    numbers = range(sent, sent + 20)
    written = [(n, queue.append(b"%d " % n + bytes(n % 5000), "lane %d" % (n % 3))) for n in numbers]
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
POISON = """
import os, signal, sys
from pathlib import Path
from otel_llm.queue.durable import DurableQueue

queue = DurableQueue(Path(sys.argv[1]), max_bytes=1 << 20)
while record := queue.take(0):
    if record.attempts >= 3:
        print("given up", record.payload.decode(), flush=True)
    elif record.payload == b"poison":
        os.kill(os.getpid(), signal.SIGKILL)
    queue.settle([record.sequence])
queue.close()
"""


def test_a_record_that_kills_is_given_up_after_three_deaths(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    appended(queue, b"before", b"poison", b"after")
    queue.close()
    runs = [
        subprocess.run([sys.executable, "-c", POISON, str(tmp_path)], capture_output=True, text=True, check=False)
        for _ in range(4)
    ]
    assert [run.returncode for run in runs] == [-signal.SIGKILL] * 3 + [0]
    assert runs[3].stdout == "given up poison\n"
    queue = opened(tmp_path)
    assert taken(queue) == []
    queue.close()


def test_an_orderly_end_is_no_attempt(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    appended(queue, b"a")
    for _ in range(5):
        record = queue.take(0)
        assert record
        assert record.attempts == 0
        queue.close()
        queue = opened(tmp_path)
    queue.close()


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
