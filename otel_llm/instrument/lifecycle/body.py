"""The life of a call whose response's body the app reads by itself, as `with_streaming_response` has it.

The app decides how: lines, bytes, text, JSON, or the client's own stream. We read along, and end the call when the
body is closed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from otel_llm.instrument.contract.data import Chunks, Response
from otel_llm.instrument.contract.results import Raw
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.call import LiveCall
from otel_llm.instrument.lifecycle.httpx_tap import tap
from otel_llm.instrument.lifecycle.reading import Dropped, Reading

_JSON_LIMIT: Final = 4 << 20  # bytes kept of a body of JSON, whose end holds the usage; a longer one is not read

_Take = Callable[[bytes], Any]


def watch_body(call: LiveCall, raw: Raw) -> None:
    """Have the closing of an HTTP response end the call, with what its body said until then."""
    response, endpoint = raw.http_response, call.request.endpoint
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    chunks: Chunks = _Nothing()
    take: _Take | None = None
    if raw.read is not None and media_type == "text/event-stream" and endpoint.add_up is not None:
        chunks = endpoint.add_up(call.captures_content)
    elif raw.read is not None and media_type == "application/json":
        chunks = _Json(raw.read, endpoint.read_response)
        take = chunks.add
    reading = Reading(call, chunks)
    if raw.read is not None and media_type == "text/event-stream":
        take = _Events(raw.read, reading).take
    reading.unhook = tap(response, _Listener(reading, take, _decoder(response)))


def _decoder(response: Any) -> Callable[[bytes], bytes]:
    if response.is_closed or "content-encoding" not in response.headers:
        return bytes
    # a response of its own has a decoder of its own, for all encodings that its library knows
    decode: Callable[[bytes], bytes | Iterable[bytes]]
    decode = type(response)(200, headers=response.headers)._get_content_decoder().decode

    def decoded(data: bytes) -> bytes:
        pieces = decode(data)
        return pieces if isinstance(pieces, bytes) else b"".join(pieces)  # httpx2 gives them one by one

    return decoded


class _Listener:
    """Hands the pieces of a body to what reads them."""

    def __init__(self, reading: Reading, take: _Take | None, decode: Callable[[bytes], bytes]) -> None:
        self._reading = reading
        self._take = take
        self._decode = decode
        self._dropped = Dropped(reading)

    def data(self, data: bytes) -> None:
        """Take a piece; after one that cannot be read, no more."""
        try:
            if self._take is not None:
                self._take(self._decode(data))
        except Exception as error:
            self._take = None
            self._reading.give_up(error)

    @guarded("ending a raw response")
    def closed(self) -> None:
        """End the call."""
        self._reading.close()


class _Events:
    """A body of server-sent events, each of which holds a chunk.

    Source: HTML standard, section "Server-sent events", "Interpreting an event stream".
    """

    def __init__(self, read: Callable[[Any], Any], reading: Reading) -> None:
        self._read = read
        self._reading = reading
        self._line: list[bytes] = []
        self._data: list[bytes] = []

    def take(self, piece: bytes) -> None:
        """Add up the events that are complete with this piece."""
        for data in self._complete(piece):
            if data.startswith(b"[DONE]"):
                return
            event = json.loads(data)
            # the client's own stream raises it; it is no chunk
            if not (isinstance(event, dict) and event.get("error")):
                self._reading.add(self._read(event))

    def _complete(self, piece: bytes) -> Iterator[bytes]:
        self._line.append(piece)
        if b"\n" not in piece:  # an event may be megabytes in one line, in thousands of pieces
            return
        *lines, rest = b"".join(self._line).split(b"\n")
        self._line = [rest]
        for line in lines:
            text = line.removesuffix(b"\r")
            if text.startswith(b"data:"):
                self._data.append(text.removeprefix(b"data:").removeprefix(b" "))
            elif not text and self._data:
                data, self._data = b"\n".join(self._data), []
                yield data


class _Json:
    """A body that is one object of JSON."""

    def __init__(self, read: Callable[[Any], Any], read_response: Callable[[Any], Response]) -> None:
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
        """Return what the body says: nothing, where the app did not read it to its end."""
        try:
            return self._read_response(self._read(json.loads(self._body)))
        except ValueError:
            return Response()


class _Nothing:
    """A body that says nothing of the call, such as audio."""

    def add(self, chunk: Any) -> None:
        """Do nothing."""

    def response(self) -> Response:
        """Return an empty response."""
        return Response()
