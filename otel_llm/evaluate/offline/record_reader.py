"""A file or pipe of records, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader

from otel_llm.errors import RecordError, RecordFormatError
from otel_llm.evaluate.offline.batches import MAX_RECORDS, batches
from otel_llm.evaluate.offline.file_check import Inspection
from otel_llm.evaluate.offline.input_output import is_regular
from otel_llm.evaluate.offline.record_file import Line, read_lines
from otel_llm.evaluate.offline.records import Record


class RecordReader:
    """Reads a file twice, so that nothing is evaluated if a line is invalid; reads a pipe once, as it comes.

    Call `inspect` first, then `batches`, each once, in one thread."""

    def __init__(
        self, stream: BufferedReader, where: str, *, skip_invalid: bool, warn: Callable[[str], None]
    ) -> None:
        """Read nothing yet.

        Args:
            stream: file or pipe to read.
            where: name of the stream in messages.
            skip_invalid: leave invalid lines out; else the first invalid line raises.
            warn: called with each warning.
        """
        self._stream = stream
        self._where = where
        self._skip_invalid = skip_invalid
        self._warn = warn

    def inspect(self, at: Callable[[int], None]) -> int | None:
        """Return the number of records; None for a pipe, whose number is not known.

        Args:
            at: called now and then with the number of records so far.

        Raises:
            RecordError: a line is invalid, or there is no record.
        """
        if not is_regular(self._stream):
            return None
        inspection = Inspection()
        for lines in read_lines(self._stream):
            for line in lines:
                self._read(line, inspection)
            at(inspection.records)
        self._stream.seek(0)
        self._conclude(inspection)
        return inspection.records

    def batches(self, size: int = MAX_RECORDS) -> Iterator[list[Record]]:
        """Yield the records, at most `size` at once; what a pipe holds already does not wait for more.

        Raises:
            RecordError: as `inspect`; the records before that line have been yielded.
        """
        inspected = is_regular(self._stream)
        inspection = Inspection()
        for lines in read_lines(self._stream):
            yield from batches(self._records(lines, inspection), size)
            self._check(inspection)
        if not inspected:
            self._conclude(inspection)

    def _records(self, lines: Iterable[Line], inspection: Inspection) -> Iterator[Record]:
        for line in lines:
            record = self._read(line, inspection)
            if record is not None:
                yield record
            elif not self._skip_invalid:
                return

    def _read(self, line: Line, inspection: Inspection) -> Record | None:
        try:
            return inspection.read(line)
        except RecordFormatError as error:
            raise RecordFormatError(f"{self._where}: {error}") from None

    def _conclude(self, inspection: Inspection) -> None:
        self._check(inspection)
        if inspection.invalid:
            self._warn(inspection.problems(f"{self._where}: left out"))
        if not inspection.records:
            raise RecordError(f"{self._where}: must hold at least one record, got none")
        for warning in inspection.warnings():
            self._warn(f"{self._where}: {warning}")

    def _check(self, inspection: Inspection) -> None:
        if inspection.invalid and not self._skip_invalid:
            remedy = "--skip-invalid leaves such lines out"
            raise RecordError(f"{inspection.problems(f'{self._where}:')}\n  {remedy}")
