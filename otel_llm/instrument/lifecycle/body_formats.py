"""Readers that cut a body into chunks, one for each media type. A new media type is a new row of `STREAMS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from otel_llm.instrument.contract.data import EventFormat, Response

Take: TypeAlias = Callable[[bytes], Any]
"""Takes the next piece of a body."""
_Read: TypeAlias = Callable[[Any], Any]
_Add: TypeAlias = Callable[[Any], None]
_Fail: TypeAlias = Callable[[str], None]
StreamFormat: TypeAlias = Callable[[EventFormat, _Read, _Add, _Fail], Take]
"""Returns a function that takes the pieces of a body. It adds each chunk, and tells the kind of each error."""

_JSON_LIMIT: Final = 4 << 20  # bytes; a longer body of JSON is not read. The usage is at its end


class _Lines:
    """Cuts a body into its lines, without the line ends."""

    def __init__(self) -> None:
        self._line: list[bytes] = []

    def complete(self, piece: bytes) -> list[bytes]:
        """Return the lines that this piece completes."""
        self._line.append(piece)
        if b"\n" not in piece:  # one line may have megabytes, in thousands of pieces
            return []
        *lines, rest = b"".join(self._line).split(b"\n")
        self._line = [rest]
        return [line.removesuffix(b"\r") for line in lines]


def server_sent_events(events: EventFormat, read: _Read, add: _Add, fail: _Fail) -> Take:
    """Return a function that takes the pieces of a body of server-sent events, each with a chunk or an error.

    Source: HTML standard, section "Server-sent events", "Interpreting an event stream".
    """
    lines, no_chunks = _Lines(), {name.encode() for name in events.no_chunks}
    data: list[bytes] = []
    name = b""
    ended = False

    def take(piece: bytes) -> None:
        nonlocal name, ended
        for line in lines.complete(piece):
            field, _, value = line.partition(b":")
            if ended:
                return
            if field == b"data":
                data.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ")
            elif not line:
                whole, ours, is_error = b"\n".join(data), bool(data) and name not in no_chunks, name == b"error"
                data.clear()
                name = b""
                if ours and events.end is not None and whole.startswith(events.end):
                    ended = True
                elif ours:
                    event = _json(whole)
                    if event is None and not is_error:
                        continue  # no JSON: the app reads lines by itself, and may go on
                    if (kind := events.error_of(event) or ("error" if is_error else None)) is not None:
                        fail(kind)
                    add(read(event))  # an error may carry the usage

    return take


def json_lines(events: EventFormat, read: _Read, add: _Add, fail: _Fail) -> Take:
    """Return a function that takes the pieces of a body with one JSON value a line, each a chunk or an error."""
    lines = _Lines()

    def take(piece: bytes) -> None:
        for line in lines.complete(piece):
            if line:
                value = json.loads(line)
                if (kind := events.error_of(value)) is not None:
                    fail(kind)
                add(read(value))

    return take


def by_first_byte(whole: Callable[[], Take], events: Callable[[], Take]) -> Take:
    """Return a function that takes the pieces of a body: one JSON value or events, as its first byte tells."""
    take: Take | None = None

    def choose(piece: bytes) -> None:
        nonlocal take
        if take is None:
            if not (begin := piece.lstrip()):
                return
            take = whole() if begin[:1] in {b"{", b"["} else events()
        take(piece)

    return choose


def _json(data: bytes) -> Any:
    """Return the value of an event's data; None for data that is no JSON, such as the plain text of an error."""
    try:
        return json.loads(data)
    except ValueError:
        return None


STREAMS: Final[Mapping[str, StreamFormat]] = MappingProxyType(
    {
        "text/event-stream": server_sent_events,
        "application/x-ndjson": json_lines,
        "application/jsonl": json_lines,
    }
)
"""The readers of streamed bodies by media type."""


class WholeJson:
    """A body that is one JSON object."""

    def __init__(self, read: _Read, read_response: Callable[[Any], Response]) -> None:
        self._read = read
        self._read_response = read_response
        self._body = bytearray()
        self._whole = True

    def add(self, chunk: bytes) -> None:
        """Keep a piece of the body."""
        self._whole = self._whole and len(self._body) + len(chunk) <= _JSON_LIMIT
        if self._whole:
            self._body += chunk

    def response(self) -> Response:
        """Return the response in the body; no answer if the body is no JSON, or was not read to its end."""
        if not self._whole:
            return Response()
        try:
            value = json.loads(self._body)
        except ValueError:
            return Response(is_answer=False)
        return self._read_response(self._read(value))
