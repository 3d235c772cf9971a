"""Files of records, as JSON Lines, read as they come; errors name the line's number."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from otel_llm.errors import RecordError, RecordFormatError
from otel_llm.evaluate.offline.records import Record, read_record

MAX_LINE_BYTES: Final = 64 * 2**20
"""Bytes of a line at most, so that a file without line breaks does not fill the memory."""

_CHUNK_BYTES: Final = 2**20
_BOM: Final = b"\xef\xbb\xbf"
_COLUMN: Final = re.compile(r"\s*[A-Za-z_]\w{0,40}(?:[ .-]\w{1,40}){0,2}\s*")
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """A line that is not blank."""

    number: int
    """Number of the line, from 1; blank lines count."""
    data: bytes | None
    """Content without the line feed; None for a line longer than `MAX_LINE_BYTES`."""


class Stream(Protocol):
    """A binary file, buffered."""

    def read1(self, size: int, /) -> bytes:
        """Return the bytes that are there, at most `size`; none at the end of the file."""


def read_lines(stream: Stream) -> Iterator[list[Line]]:
    """Yield the lines in groups: the lines that one read completes, so that lines of a slow pipe do not wait."""
    number, pending, too_long = 0, bytearray(), False
    while chunk := stream.read1(_CHUNK_BYTES):
        *ended, rest = chunk.split(b"\n")
        lines = []
        for piece in ended:
            number += 1
            pending += piece
            too_long = too_long or len(pending) > MAX_LINE_BYTES
            lines.append(Line(number, None if too_long else bytes(pending)))
            pending.clear()
            too_long = False
        pending += rest
        if len(pending) > MAX_LINE_BYTES:
            too_long = True
            pending.clear()
        if found := [line for line in lines if not _is_blank(line)]:
            yield found
    last = Line(number + 1, None if too_long else bytes(pending))
    if not _is_blank(last):
        yield [last]


def parse_line(line: Line) -> tuple[Record, tuple[str, ...]]:
    """Return the record, and the keys of the line.

    Raises:
        RecordError: the line is not a record; the message begins with its number.
    """
    try:
        value = _parse(line)
        return read_record(value, line.number), tuple(value) if isinstance(value, dict) else ()
    except RecordError as error:
        raise type(error)(f"line {line.number}: {error}") from None


def parse_object(line: Line) -> dict[str, Any]:
    """Return the line's object, whatever its keys.

    Raises:
        RecordError: the line is no object; the message begins with its number.
    """
    try:
        value = _parse(line)
    except RecordError as error:
        raise type(error)(f"line {line.number}: {error}") from None
    if not isinstance(value, dict):
        raise RecordError(f"line {line.number}: must be an object, got {json.dumps(value)[:80]}")
    return value


def _parse(line: Line) -> object:
    if line.data is None:
        raise RecordError(f"must be at most {MAX_LINE_BYTES // 2**20} MiB long: is it a file of JSON Lines?")
    if line.number == 1 and line.data.startswith(_UTF16_BOMS):
        raise RecordError("must be UTF-8, is UTF-16: save the file as UTF-8")
    try:
        text = (line.data.removeprefix(_BOM) if line.number == 1 else line.data).decode()
    except UnicodeDecodeError as error:
        byte = line.data[error.start]
        raise RecordError(f"must be UTF-8, got 0x{byte:02x} at byte {error.start + 1}: convert the file") from None
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError as error:
        if line.number == 1 and (remedy := _other_format(text)):
            raise RecordFormatError(remedy) from None
        raise RecordError(
            f"is not JSON: {error.msg} at column {error.pos + 1}: each line must be one whole object"
        ) from None
    except (ValueError, RecursionError) as error:  # a number with too many digits, or brackets nested too deep
        raise RecordError(f"is not JSON that can be read: {error}") from None
    if isinstance(value, list):
        raise RecordError("must be an object, got an array: write one object a line (jq -c '.[]' does)")
    return value


def _other_format(first: str) -> str | None:
    """Return the name of the format of a file that begins with this line and is no JSON Lines, and a remedy."""
    if first.strip() in {"{", "["}:
        convert = "jq -c '.[]' FILE" if first.strip() == "[" else "jq -c . FILE"
        return f"this looks like JSON over several lines, and one object a line is read: {convert} converts it"
    cells = next(csv.reader([first], delimiter="\t" if "\t" in first else ","), [])
    if len(cells) < 2 or not all(_COLUMN.fullmatch(cell) for cell in cells):
        return None
    return (
        f"this looks like CSV with the columns {', '.join(cells)}, and JSON Lines is read: "
        'python -c "import csv, json, sys; [print(json.dumps(row)) for row in csv.DictReader(sys.stdin)]" '
        "< FILE.csv > FILE.jsonl converts it"
    )


def _is_blank(line: Line) -> bool:
    return line.data is not None and not line.data.removeprefix(_BOM if line.number == 1 else b"").strip()
