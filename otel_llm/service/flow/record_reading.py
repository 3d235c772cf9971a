"""What of a request concerns evaluation: calls, and what other spans and log records have for them.

What cannot be read becomes a dead letter, and costs only itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.errors import DecodeError
from otel_llm.genai.call import Call
from otel_llm.genai.decode import (
    ContentEvent,
    SpanOutline,
    is_genai,
    read_content_events,
    read_span,
    service_name,
)
from otel_llm.otlp.queued import QueuedRequest
from otel_llm.otlp.requests import read_spans, request_of

_MAX_RESOURCE_BYTES: Final = 64 << 10
"""Of a dead letter; without it, the letter does not say which service it is of."""


@dataclass(slots=True)
class Found:
    """A span of GenAI in a request."""

    index: int
    """Its number among all spans of the request, in their order."""
    span: bytes
    resource: bytes
    """The serialized resource."""
    service: str
    outline: SpanOutline


class Reader:
    """Reads requests. Used by one thread."""

    def __init__(self, letters: DeadLetters) -> None:
        """Write what cannot be read to `letters`."""
        self._letters = letters
        self._unread: list[tuple[str, bytes, bytes]] = []
        """What could not be read of a request: why, its resource, itself."""

    def read(self, request: QueuedRequest, concerns: Callable[[bytes], bool] = is_genai) -> list[Found]:
        """Return the spans for which `concerns` is true of their bytes, each at least one of `is_genai`."""
        found: list[Found] = []
        first = 0
        for resource, spans in read_spans(request.body):
            service: str | None = None
            for index, span in enumerate(spans, first):
                if not concerns(span):
                    continue
                try:
                    service = service_name(resource) if service is None else service
                    found.append(Found(index, span, resource, service, read_span(span)))
                except DecodeError as error:
                    self._keep(resource, span, str(error))
            first += len(spans)
        return found

    def call(self, found: Found) -> Call | None:
        """Return the call of a span; None where its content is malformed."""
        try:
            return found.outline.call(found.service)
        except DecodeError as error:
            self._keep(found.resource, found.span, str(error))
            return None

    def documents(self, found: Found) -> Sequence[str]:
        """Return the documents of a retrieval or a tool; none where they are malformed."""
        try:
            return found.outline.documents()
        except DecodeError as error:
            self._keep(found.resource, found.span, str(error))
            return ()

    def events(self, request: QueuedRequest) -> Sequence[ContentEvent]:
        """Return the content in a request of logs."""
        events, unread = read_content_events(request.body)
        for each in unread:
            self._keep(each.resource, each.record, each.reason)
        return events

    def report(self, request: QueuedRequest) -> None:
        """Write what could not be read of a request to the dead letters."""
        unread, self._unread = self._unread, []
        if unread:
            bodies = ((reason, _alone(resource, item)) for reason, resource, item in unread)
            self._letters.add_all("decode", request.signal, request.tenant, bodies)

    def forget(self) -> None:
        """Say nothing of what could not be read: it was said before."""
        self._unread = []

    def give_up(self, request: QueuedRequest, reason: str) -> None:
        """Write the whole request to the dead letters."""
        self._letters.add("evaluate", reason, request.signal, request.tenant, request.body)

    def _keep(self, resource: bytes, item: bytes, reason: str) -> None:
        self._unread.append((reason, resource, item))


def _alone(resource: bytes, item: bytes) -> bytes:
    """Return a request of one item; each letter of a request repeats its resource, unless that is large."""
    return request_of(resource if len(resource) <= _MAX_RESOURCE_BYTES else b"", item)
