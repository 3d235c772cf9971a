"""The needs of the receivers from the rest of the service: a place for requests, and counts."""

from __future__ import annotations

from typing import Protocol

from otel_llm.otlp.queued import QueuedRequest
from otel_llm.otlp.signals import Signal
from otel_llm.receive.refusal_log import Transport


class Sink(Protocol):
    """The place for requests: the queue. Called in the event loop."""

    @property
    def checks_ids(self) -> bool:
        """True if spans must have well-formed ids."""

    @property
    def forwards(self) -> bool:
        """True if requests go on to a next receiver."""

    def admits(self, signal: Signal, tenant: str, length: int) -> str | None:
        """Return why a request of `length` bytes has no room now; None where there is room.

        Called before the body is read. `length` is as sent, compressed or not; 0 where it is not known yet.
        """

    async def put(self, request: QueuedRequest) -> None:
        """Return once the request is safe.

        Raises:
            QueueFullError: there is no room for the request now.
        """


class ItemCounts(Protocol):
    """Counts of spans, log records and data points: the service's metrics."""

    def received(self, transport: Transport, signal: Signal, *, accepted: int = 0, refused: int = 0) -> None:
        """Add to the counts of one transport and signal."""
