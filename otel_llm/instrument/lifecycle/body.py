"""A call whose response's body the app itself reads: lines, bytes, text, JSON, or the client's own stream.

The body is read a second time beside the app, by its media type. The call ends when the body is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_llm.instrument.contract.data import Chunks, Response
from otel_llm.instrument.contract.results import Raw
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.body_formats import STREAMS, Take, WholeJson
from otel_llm.instrument.lifecycle.call import LiveCall
from otel_llm.instrument.lifecycle.reading import Dropped, Reading


def watch_body(call: LiveCall, raw: Raw) -> None:
    """End the call when the body is closed, with the response that the body held until then."""
    endpoint, read = call.request.endpoint, raw.read
    media_type = raw.media_type.partition(";")[0].strip().lower()
    chunks: Chunks = _Nothing()
    take: Take | None = None
    streamed = read is not None and media_type in STREAMS
    if streamed and endpoint.add_up is not None:
        chunks = endpoint.add_up(call.captures_content)
    elif read is not None and media_type == "application/json":
        chunks = WholeJson(read, endpoint.read_response)
        take = chunks.add
    reading = Reading(call, chunks)
    if streamed and read is not None:
        take = STREAMS[media_type](endpoint.events, read, reading.add)
    reading.unhook = raw.listen(_Listener(reading, take))


class _Listener:
    """Hands the pieces of a body to the reader of its media type."""

    def __init__(self, reading: Reading, take: Take | None) -> None:
        self._reading = reading
        self._take = take
        self._dropped = Dropped(reading)

    @property
    def data(self) -> Callable[[bytes], None]:
        """Takes a piece of the body. None after a piece that cannot be read: no further pieces are needed."""
        return self._data

    def _data(self, data: bytes) -> None:
        try:
            if self._take is not None:
                self._take(data)
        except Exception as error:
            self._take = None
            self._reading.give_up(error)

    @guarded("ending a raw response")
    def closed(self) -> None:
        """End the call."""
        self._reading.close()


class _Nothing:
    """A body that holds no data about the call, such as audio."""

    def add(self, chunk: Any) -> None:
        """Do nothing."""

    def response(self) -> Response:
        """Return an empty response."""
        return Response()
