"""`otel_llm.evaluate()`: records in, results out, in the calling process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from otel_llm.errors import ConfigError, RecordError
from otel_llm.evaluate.offline.batches import MAX_RECORDS, batches
from otel_llm.evaluate.offline.loaded_evaluators import TIMEOUT_S, LoadedEvaluators, load
from otel_llm.evaluate.offline.records import Record, RecordResult, read_record

_Key = tuple[frozenset[str] | None, int, float]

_loaded: dict[_Key, LoadedEvaluators] = {}
_loading = threading.Lock()


def evaluate(
    records: Iterable[Record | Mapping[str, Any]],
    evaluators: Iterable[str] | None = None,
    *,
    threads: int = 1,
    timeout_s: float = TIMEOUT_S,
) -> list[RecordResult]:
    """Return every evaluator's results on every record, in the order of the records.

    Loaded evaluators are kept for later calls with the same evaluators, threads and timeout. Several threads may
    call at once: they take turns, a batch each.

    Args:
        records: mappings with `output` and, as far as they are known, `id`, `input`, `context`, `system`,
            `choices`, `logprobs`, `tool_calls` and `tool_results`, or `otel_llm.evaluate.offline.records.Record`,
            which describes each.
        evaluators: names of the evaluators that run; None: all installed ones.
        threads: threads that encode texts.
        timeout_s: seconds that an evaluator may take for one record; then its results are errors.

    Returns:
        A result per record, evaluator and target. `id` is that of the record, or the record's number from 1.

    Raises:
        MissingExtraError: the extra `collector` is not installed.
        ConfigError: an evaluator is not installed.
        RecordError: a record is wrong. All records are read before the first is evaluated.
    """
    read = list(_read(records))
    loaded = _get(evaluators, threads, timeout_s)
    return [result for batch in batches(read) for result in loaded.evaluate(batch)]


def evaluate_iter(
    records: Iterable[Record | Mapping[str, Any]],
    evaluators: Iterable[str] | None = None,
    *,
    threads: int = 1,
    timeout_s: float = TIMEOUT_S,
    batch_size: int = MAX_RECORDS,
) -> Iterator[RecordResult]:
    """Return an iterator over the results that `evaluate` returns; it reads one batch of records at a time.

    A wrong argument is refused at once; a wrong record when its turn comes.

    Args:
        records: as of `evaluate`, however many.
        evaluators: as of `evaluate`.
        threads: as of `evaluate`.
        timeout_s: as of `evaluate`.
        batch_size: most records that are read before the first result; 1 for records that arrive slowly.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size: must be at least 1, got {batch_size}")
    read, loaded = _read(records), _get(evaluators, threads, timeout_s)
    return (result for batch in batches(read, batch_size) for result in loaded.evaluate(batch))


def _get(evaluators: Iterable[str] | None, threads: int, timeout_s: float = TIMEOUT_S) -> LoadedEvaluators:
    if isinstance(evaluators, str):
        raise ConfigError(f"evaluators: must be a list of names, got {evaluators!r}: write [{evaluators!r}]")
    names = None if evaluators is None else tuple(evaluators)
    if names == ():
        raise ConfigError("evaluators: must name at least one, got none: leave it out to run all")
    key = (None if names is None else frozenset(names), threads, timeout_s)
    with _loading:
        if key not in _loaded:
            _loaded[key] = load(names, threads=threads, timeout_s=timeout_s)
        return _loaded[key]


def _read(records: Iterable[Record | Mapping[str, Any]]) -> Iterator[Record]:
    if isinstance(records, Record | Mapping | str):
        raise RecordError(f"records: must be a list of records, got one {type(records).__name__}: write [record]")
    return (_read_one(record, number) for number, record in enumerate(records, start=1))


def _read_one(record: Record | Mapping[str, Any], number: int) -> Record:
    try:
        return read_record(record, number)
    except RecordError as error:
        raise RecordError(f"record {number}: {error}") from None


def _forget() -> None:
    """Make a forked child load its own evaluators: threads stay in the parent, and locks may be held."""
    global _loading  # noqa: PLW0603 - another thread of the parent may have held it
    _loading = threading.Lock()
    _loaded.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
