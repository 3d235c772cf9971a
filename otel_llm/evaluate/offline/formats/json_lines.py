"""Results as lines of JSON, and the protocol of writers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import BinaryIO, Literal, Protocol

from otel_llm.evaluate.offline.records import RecordResult

Format = Literal["table", "jsonl", "junit"]


class Writer(Protocol):
    """A format in which results are written."""

    def add(self, results: Sequence[RecordResult]) -> None:
        """Write the results, or keep them until `close`."""

    def close(self) -> None:
        """Write the rest and the end; the file stays open."""


class JsonlWriter:
    """One result a line, written at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, results: Sequence[RecordResult]) -> None:
        """Write a line for each result."""
        lines = (json.dumps(result.to_dict(), ensure_ascii=False) + "\n" for result in results)
        self._file.write("".join(lines).encode())
        self._file.flush()

    def close(self) -> None:
        """Do nothing: every result is written already."""
