"""Faults and oddities in the lines of a file of records."""

from __future__ import annotations

import difflib
from typing import Final

from otel_llm.errors import RecordError, RecordFormatError
from otel_llm.evaluate.offline.record_file import Line, parse_line
from otel_llm.evaluate.offline.records import KEYS, Record

_SHOWN: Final = 5  # problems of one file that are shown
_MOST_IDS: Final = 1_000_000  # ids that are remembered
# Keys of other tools. Without a warning the record would be evaluated without the value.
_OTHER_NAMES: Final = {
    "answer": "output", "response": "output", "completion": "output", "prediction": "output",
    "prompt": "input", "question": "input", "query": "input", "user_input": "input",
    "documents": "context", "retrieved_contexts": "context", "retrieval_context": "context", "passages": "context",
    "system_prompt": "system", "log_probs": "logprobs",
}  # fmt: skip


class Inspection:
    """Reads lines into records, and notes faults and oddities.

    Bounded: five faults are kept, and the hashes of at most a million ids. For one thread."""

    def __init__(self) -> None:
        self.records = 0
        self.invalid = 0
        self._problems: list[str] = []
        self._ids: set[int] = set()
        self._repeated = 0
        self._first_repeated = ""
        self._unread: dict[str, str] = {}

    def read(self, line: Line) -> Record | None:
        """Return the line's record; None for an invalid line, which is noted.

        Raises:
            RecordFormatError: the file is of another format, so that no line can be valid.
        """
        try:
            record, keys = parse_line(line)
        except RecordFormatError:
            raise
        except RecordError as error:
            self.invalid += 1
            if len(self._problems) < _SHOWN:
                self._problems.append(str(error))
            return None
        self.records += 1
        self._note_id(record, line.number, given="id" in keys)
        for key in keys:
            if key not in KEYS and key not in self._unread and (meant := _meant(key)) and meant not in keys:
                self._unread[key] = f"line {line.number}: {key!r} is not read: did you mean {meant!r}?"
        return record

    def warnings(self) -> list[str]:
        """Return warnings: keys that are not read, ids that occur twice."""
        repeated = (
            f"{self._repeated:,} {'ids are' if self._repeated > 1 else 'id is'} used again, the first is"
            f" {self._first_repeated}: their results cannot be told apart"
        )
        return [*self._unread.values(), *([repeated] if self._repeated else [])]

    def problems(self, what: str) -> str:
        """Return `what`, the number of invalid lines, and the first ones, each on a line of its own."""
        left = self.invalid - len(self._problems)
        lines = [*self._problems, *([f"and {left:,} more"] if left else [])]
        return "\n  ".join([f"{what} {self.invalid:,} invalid line{'s' * (self.invalid > 1)}:", *lines])

    def _note_id(self, record: Record, number: int, *, given: bool) -> None:
        if not given or len(self._ids) >= _MOST_IDS:
            return
        key = hash((type(record.id), record.id))
        if key in self._ids:
            self._repeated += 1
            self._first_repeated = self._first_repeated or f"{record.id!r} on line {number}"
        self._ids.add(key)


def _meant(key: str) -> str | None:
    close = difflib.get_close_matches(key.lower(), KEYS, n=1, cutoff=0.8)
    return close[0] if close else _OTHER_NAMES.get(key.lower())
