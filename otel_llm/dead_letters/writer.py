"""Writes and counts dead letters, in the file of dead letters or in the log."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from otel_llm.dead_letters.file import LetterFile
from otel_llm.dead_letters.letter import Letter, new_letter
from otel_llm.dead_letters.stage import STAGES, Stage
from otel_llm.errors import ConfigError
from otel_llm.otlp.signals import Signal

_GROUP_BYTES: Final = 4 << 20
"""Bytes of letters that are written together, at most."""

_log: Final = logging.getLogger(__name__)


class DeadLetters:
    """Writes and counts dead letters. Any thread may call.

    Writers wait for each other, for the disk, and for a replay that has the file. Readers of the counts wait for
    none of these. Letters are written in groups of at most 4 MiB; a group that the disk refuses is written letter
    by letter. A letter that cannot be written is logged without its body and counted as dropped.
    """

    def __init__(self, path: Path | None, *, max_bytes: int = 256 << 20, fsync: bool = True) -> None:
        """Write to a file, or without a path to the log alone: everything but the body.

        Args:
            path: the file; a missing folder is made.
            max_bytes: bound of the file and of `<file>.1`, the one before it, together; the older one makes room.
            fsync: True if a letter must outlive a power failure.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._counts: Counter[Stage] = Counter()
        self._lost = 0
        self._writing = threading.Lock()
        """Guards the file."""
        self._counting = threading.Lock()
        """Guards the counts."""
        try:
            self._file = LetterFile(path, max_bytes=max_bytes, fsync=fsync) if path else None
        except OSError as error:
            raise ConfigError(
                f"dead_letters.file: must be a file that can be written, got {str(path)!r}: {error}"
            ) from error

    @property
    def counts(self) -> dict[Stage, int]:
        """Letters since the start, by stage."""
        with self._counting:
            return {stage: self._counts[stage] for stage in STAGES}

    @property
    def dropped(self) -> int:
        """Letters that are in no file any more: they made room, or could not be written."""
        return self._lost + (self._file.displaced if self._file else 0)

    def add(self, stage: Stage, reason: str, signal: Signal, tenant: str, body: bytes) -> None:
        """Keep a request that the service gives up. Never raises for an error of the disk."""
        self.add_all(stage, signal, tenant, [(reason, body)])

    def add_all(self, stage: Stage, signal: Signal, tenant: str, given_up: Iterable[tuple[str, bytes]]) -> None:
        """Keep requests, each with its reason, as `add` does; they wait for the disk together.

        `given_up` is read group by group: all requests together may not fit into memory.
        """
        letters = (new_letter(stage, reason, signal, tenant, body) for reason, body in given_up)
        max_bytes = min(self._file.max_write_bytes, _GROUP_BYTES) if self._file else _GROUP_BYTES
        for group in _groups(letters, max_bytes):
            with self._counting:
                self._counts[stage] += len(group)
            if self._file is None:
                for letter, _ in group:
                    _log.warning("dead letter: %s: %s: %s", stage, letter.reason, letter.summary())
                continue
            with self._writing:
                self._write(self._file, group)

    def _write(self, file: LetterFile, group: Sequence[tuple[Letter, bytes]]) -> None:
        try:
            file.write(b"".join(line for _, line in group))
        except OSError as error:
            if len(group) > 1:  # the disk may be full: write the letters one by one, small ones may still fit
                for each in group:
                    self._write(file, [each])
                return
            self._lost += 1
            [(letter, _)] = group
            _log.error(
                "%s: %s: a dead letter is lost: %s: %s: %s",
                file.path, error, letter.stage, letter.reason, letter.summary(),
            )  # fmt: skip


def _groups(letters: Iterable[Letter], max_bytes: int) -> Iterator[list[tuple[Letter, bytes]]]:
    """Yield letters with their lines, in groups of at most `max_bytes`, but of at least one letter."""
    group: list[tuple[Letter, bytes]] = []
    size = 0
    for letter in letters:
        line = letter.line()
        if group and size + len(line) > max_bytes:
            yield group
            group, size = [], 0
        group.append((letter, line))
        size += len(line)
    if group:
        yield group
