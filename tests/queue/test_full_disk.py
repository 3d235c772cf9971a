"""A real file system of 64 KiB that fills up."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llm.errors import QueueError, QueueFullError
from otel_llm.queue.durable import DurableQueue


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid():
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def filled(queue: DurableQueue) -> list[int]:
    """Append until the disk is full, and return the numbers of what it took."""
    for n in range(100):
        written = queue.append(bytes([n]) * 3000, "a")
        if error := written.exception(10):
            assert isinstance(error, QueueFullError)
            assert re.fullmatch(r"the queue's disk refused it: .*No space left on device", str(error))
            return list(range(n))
    raise AssertionError("the disk never was full")


def test_space_on_a_full_disk_comes_back_once_records_are_settled(disk: Path) -> None:
    queue = DurableQueue(disk / "queue", max_bytes=1 << 20)  # a segment alone would be more than the disk
    for _ in range(3):
        acknowledged = filled(queue)
        records = [record for _ in acknowledged if (record := queue.take(0))]
        assert [record.payload[0] for record in records] == acknowledged
        queue.settle([record.sequence for record in records])
        with pytest.raises(QueueFullError):  # it makes the queue give up its history
            queue.append(bytes(50_000)).result(60)
        queue.append(bytes(50_000)).result(60)
        big = queue.take(0)
        assert big
        queue.settle([big.sequence])
    queue.close()


def test_a_full_disk_refuses_and_loses_nothing_that_was_acknowledged(disk: Path) -> None:
    queue = DurableQueue(disk / "queue", max_bytes=1 << 20)
    acknowledged = filled(queue)
    assert 10 < len(acknowledged) < 22
    assert queue.held("a") == len(acknowledged) * 3041
    records = [queue.take(0) for _ in acknowledged]
    assert [record.payload[0] for record in records if record] == acknowledged
    queue.settle([3])
    queue.close()
    queue = DurableQueue(disk / "queue", max_bytes=1 << 20)
    left = [record.payload[0] for _ in range(len(acknowledged) - 1) if (record := queue.take(0))]
    assert left == [n for n in acknowledged if n != 3]
    queue.close()


def test_a_disk_that_is_full_at_the_start_is_named(disk: Path) -> None:
    with (disk / "other").open("wb") as other, pytest.raises(OSError, match="No space left"):
        other.write(bytes(1 << 17))
    with pytest.raises(QueueError, match=r"queue\.folder '.*queue' cannot be used: .*No space left on device"):
        DurableQueue(disk / "queue", max_bytes=1 << 20)
