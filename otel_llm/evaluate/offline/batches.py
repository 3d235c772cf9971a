"""Records in batches: many enough to keep several threads busy, few enough for the memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from otel_llm.evaluate.offline.records import Record

MAX_RECORDS: Final = 32
MAX_CHARACTERS: Final = 256_000
"""Characters of a batch, which its last record may exceed: the encodings of all texts are in memory at once."""


def batches(records: Iterable[Record], size: int = MAX_RECORDS) -> Iterator[list[Record]]:
    """Yield the records in order, at most `size` at once; a full batch does not wait for the next."""
    batch: list[Record] = []
    characters = 0
    for record in records:
        batch.append(record)
        characters += _characters(record)
        if len(batch) >= size or characters >= MAX_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _characters(record: Record) -> int:
    context = [record.context] if isinstance(record.context, str) else record.context or ()
    texts = (record.output, record.input, record.system, *context, *(record.choices or ()))
    return sum(len(text) for text in texts if text)
