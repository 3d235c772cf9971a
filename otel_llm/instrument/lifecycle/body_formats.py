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


def server_sent_events(events: EventFormat, read: _Read, add: _Add) -> Take:
    """Return a function that takes the pieces of a body of server-sent events, each with a chunk.

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
                whole, ours = b"\n".join(data), bool(data) and name not in no_chunks
                data.clear()
                name = b""
                if ours and events.end is not None and whole.startswith(events.end):
                    ended = True
                elif ours and not events.is_error(event := json.loads(whole)):
                    add(read(event))

    return take


def json_lines(events: EventFormat, read: _Read, add: _Add) -> Take:
    """Return a function that takes the pieces of a body with one JSON value a line, each a chunk."""
    lines = _Lines()

    def take(piece: bytes) -> None:
        for line in lines.complete(piece):
            if line and not events.is_error(value := json.loads(line)):
                add(read(value))

    return take


STREAMS: Final[Mapping[str, Callable[[EventFormat, _Read, _Add], Take]]] = MappingProxyType(
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
        """Return the response in the body; an empty one if the app did not read the body to its end."""
        try:
            return self._read_response(self._read(json.loads(self._body)))
        except ValueError:
            return Response()
