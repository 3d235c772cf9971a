"""Spans and log records of a request, as far as the evaluation needs them.

What cannot be read becomes a dead letter of its own; the rest of the request is read all the same.
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
"""Bytes of a resource in a dead letter; a letter without its resource does not name the service."""


@dataclass(slots=True)
class GenAiSpan:
    """A span of GenAI in a request."""

    index: int
    """Number of the span among all spans of the request."""
    span: bytes
    """The serialized Span."""
    resource: bytes
    """The serialized Resource."""
    service: str
    """Name of the service."""
    outline: SpanOutline


class RequestReader:
    """Reads requests, one after the other. Used by one thread.

    What cannot be read is kept until the request is done: `report` then writes it to the dead letters, or `forget`
    drops it.
    """

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters
        self._unread: list[tuple[str, bytes, bytes]] = []
        """Items of the current request that could not be read: reason, resource, item."""

    def spans(self, request: QueuedRequest, concerns: Callable[[bytes], bool] = is_genai) -> list[GenAiSpan]:
        """Return the spans for whose bytes `concerns` is True; it must be at least as strict as `is_genai`."""
        found: list[GenAiSpan] = []
        first = 0
        for resource, spans in read_spans(request.body):
            service: str | None = None
            for index, span in enumerate(spans, first):
                if not concerns(span):
                    continue
                try:
                    service = service_name(resource) if service is None else service
                    found.append(GenAiSpan(index, span, resource, service, read_span(span)))
                except DecodeError as error:
                    self._keep(resource, span, str(error))
            first += len(spans)
        return found

    def call(self, span: GenAiSpan) -> Call | None:
        """Return the call of a span; None if its content is malformed."""
        try:
            return span.outline.call(span.service)
        except DecodeError as error:
            self._keep(span.resource, span.span, str(error))
            return None

    def documents(self, span: GenAiSpan) -> Sequence[str]:
        """Return the documents of a retrieval or a tool; empty if they are malformed."""
        try:
            return span.outline.documents()
        except DecodeError as error:
            self._keep(span.resource, span.span, str(error))
            return ()

    def events(self, request: QueuedRequest) -> Sequence[ContentEvent]:
        """Return the content in a request of logs."""
        events, unread = read_content_events(request.body)
        for each in unread:
            self._keep(each.resource, each.record, each.reason)
        return events

    def report(self, request: QueuedRequest) -> None:
        """Write the items of a request that could not be read to the dead letters."""
        unread, self._unread = self._unread, []
        if unread:
            bodies = ((reason, _alone(resource, item)) for reason, resource, item in unread)
            self._letters.add_all("decode", request.signal, request.tenant, bodies)

    def forget(self) -> None:
        """Drop the items that could not be read: an earlier process has reported them."""
        self._unread = []

    def give_up(self, request: QueuedRequest, reason: str) -> None:
        """Write the whole request to the dead letters."""
        self._letters.add("evaluate", reason, request.signal, request.tenant, request.body)

    def _keep(self, resource: bytes, item: bytes, reason: str) -> None:
        self._unread.append((reason, resource, item))


def _alone(resource: bytes, item: bytes) -> bytes:
    """Return a request of one item, with its resource unless that is large: each letter repeats it."""
    return request_of(resource if len(resource) <= _MAX_RESOURCE_BYTES else b"", item)
