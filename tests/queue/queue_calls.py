"""A queue in a folder, and what is appended to it and taken from it."""

from pathlib import Path

from otel_llm.queue.durable import DurableQueue, Fsync

MAX_BYTES = 1 << 20


def opened(folder: Path, *, max_bytes: int = MAX_BYTES, fsync: Fsync = "never") -> DurableQueue:
    return DurableQueue(folder, max_bytes=max_bytes, fsync=fsync)


def appended(queue: DurableQueue, *payloads: bytes) -> None:
    for written in [queue.append(payload) for payload in payloads]:
        written.result(60)


def taken(queue: DurableQueue) -> list[tuple[int, bytes]]:
    records = []
    while record := queue.take(0):
        records.append((record.sequence, record.payload))
    return records
