"""A call whose response's body the app itself reads: lines, bytes, text, JSON, or the client's own stream.

The body is read a second time beside the app, by its media type and first byte. The call ends when the body is
closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from otel_llm.instrument.contract.data import Response
from otel_llm.instrument.contract.results import Raw
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.body_formats import (
    STREAMS,
    StreamFormat,
    Take,
    WholeJson,
    by_first_byte,
    server_sent_events,
)
from otel_llm.instrument.lifecycle.call import LiveCall
from otel_llm.instrument.lifecycle.reading import Dropped, Reading

# types that tell nothing of the form: proxies give them to streams of events too
_VAGUE: Final = frozenset({"", "application/json", "application/octet-stream", "text/html", "text/plain"})


def watch_body(call: LiveCall, raw: Raw) -> None:
    """End the call when the body is closed, with the response that the body held until then."""
    media_type = raw.media_type.partition(";")[0].strip().lower()
    nothing = _Nothing()
    reading = Reading(call, nothing)
    take = None if raw.read is None else _taking(call, raw.read, media_type, reading)
    # an HTML page is no answer: it comes from a proxy, or from a wrong base URL
    nothing.is_answer = take is None and media_type != "text/html"
    reading.unhook = raw.listen(_Listener(reading, take))


def _taking(call: LiveCall, read: Callable[[Any], Any], media_type: str, reading: Reading) -> Take | None:
    """Return the function that takes a body's pieces; None for a body that holds no data about the call."""
    endpoint = call.request.endpoint

    def whole() -> Take:
        reading.chunks = chunks = WholeJson(read, endpoint.read_response)
        return chunks.add

    def events(form: StreamFormat = server_sent_events) -> Take:
        if endpoint.add_up is not None:
            reading.chunks = endpoint.add_up(call.captures_content)
        return form(endpoint.events, read, reading.add, reading.fail)

    if (form := STREAMS.get(media_type)) is not None:
        return events(form)
    if call.request.stream and media_type in _VAGUE:
        return by_first_byte(whole, events)
    return whole() if media_type == "application/json" else None


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

    @guarded("ending a body")
    def ended(self) -> None:
        """Record that the body has come to its end, perhaps without the line that ends its last event."""
        self._data(b"\n\n")
        self._reading.is_complete = True

    @guarded("ending a raw response")
    def closed(self) -> None:
        """End the call."""
        self._reading.close()


class _Nothing:
    """A body that holds no data about the call, such as audio, or of which nothing came."""

    is_answer = True

    def add(self, chunk: Any) -> None:
        """Do nothing."""

    def response(self) -> Response:
        """Return a response without data."""
        return Response(is_answer=self.is_answer)
