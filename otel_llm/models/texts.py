"""The texts that an export and its original are compared on."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from otel_llm.errors import ConfigError, RecordError
from otel_llm.evaluate.offline.record_file import parse_line, read_lines
from otel_llm.evaluate.offline.records import Record, RecordCall, call_of

OWN: Final = files("otel_llm.models") / "texts.jsonl"
"""Bundled short texts, some of them rude or untrue, for an export without `--texts`."""


def read_calls(path: Path | None) -> list[RecordCall]:
    """Return the file's records as calls; without a file the bundled texts, and one long text made of them.

    Raises:
        ConfigError: the file cannot be read, or is empty.
        RecordError: a line is not a record.
    """
    if path is None:
        records = _records(Path(str(OWN)))
        return [call_of(record) for record in [*records, _long(records)]]
    try:
        records = _records(path)
    except OSError as error:
        raise ConfigError(f"--texts: must be a file that can be read, got {path}: {error.strerror}") from error
    except RecordError as error:
        raise RecordError(f"--texts: {path}: {error}") from None
    if not records:
        raise ConfigError(f"--texts: must hold at least one record, {path} is empty")
    return [call_of(record) for record in records]


def _records(path: Path) -> list[Record]:
    with path.open("rb") as file:
        return [parse_line(line)[0] for lines in read_lines(file) for line in lines]


def _long(records: list[Record]) -> Record:
    """Return a record longer than any model's window of 512 tokens."""
    context = [text for record in records for text in record.context or ()]
    return Record(
        id=len(records) + 1,
        input=" ".join(record.input or "" for record in records),
        output=" ".join(record.output or "" for record in records),
        context=[" ".join(context)],
    )
