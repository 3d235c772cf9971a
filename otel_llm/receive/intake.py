"""One export, whichever transport brought it: admit it, screen it, hand it to the sink, answer it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message

from otel_llm.config.receive import ReceiverSettings
from otel_llm.errors import DecodeError, QueueFullError
from otel_llm.otlp.queued import Origin, QueuedRequest
from otel_llm.otlp.screen import Rejection, Screened, screen
from otel_llm.otlp.signals import SIGNALS, Signal
from otel_llm.receive.in_flight import Hold, InFlight
from otel_llm.receive.refusal import Reason, Refusal, too_large
from otel_llm.receive.refusal_log import RefusalLog, Transport
from otel_llm.receive.replay_header import REPLAY_HEADER, is_replayed
from otel_llm.receive.security import Guard, Header
from otel_llm.receive.sink import ItemCounts, Sink

_log: Final = logging.getLogger(__name__)


class Intake:
    """Takes exports from both transports. Used in the event loop alone.

    The transport calls `admit` before it reads the body, keeps `hold` open while it has the body, then calls
    `take`. What goes wrong on the way is a `Refusal`: the transport passes it to `refused` and answers with it.
    Bytes of requests under way are bounded by `receive.max_in_flight_bytes`.
    """

    def __init__(self, sink: Sink, counts: ItemCounts, settings: ReceiverSettings) -> None:
        """Hand requests to the sink.

        Raises:
            ConfigError: the file of tokens cannot be used.
        """
        self._sink = sink
        self._counts = counts
        self._settings = settings
        self._guard = Guard(settings)
        self._in_flight = InFlight(settings.max_in_flight_bytes)
        self._refusals = RefusalLog()

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of the requests that are under way."""
        return self._in_flight.bytes

    @property
    def refusals(self) -> Counter[str]:
        """Number of requests, or items of them, that were refused since the start, by reason."""
        return self._refusals.totals

    def hold(self) -> Hold:
        """Return the account of one request's bytes."""
        return Hold(self._in_flight)

    def admit(self, signal: Signal, header: Header, length: int) -> Origin:
        """Return the origin of a request, before its body is read.

        Args:
            signal: the signal of the request.
            header: looks up a header of the request.
            length: bytes of the body as sent; 0 where the length is not known yet.

        Raises:
            Refusal: the body should not be read.
        """
        tenant = self._guard.tenant(header)
        replayed = is_replayed(signal, header(REPLAY_HEADER), forwards=self._sink.forwards)
        if length > self._settings.max_request_bytes:
            raise too_large(self._settings.max_request_bytes, f"{length} bytes")
        self._in_flight.check(length)
        if reason := self._sink.admits(signal, tenant, length):
            raise Refusal(Reason.OVERLOAD, f"{reason}; try again")
        return Origin(tenant, replayed)

    async def take(
        self,
        signal: Signal,
        transport: Transport,
        origin: Origin,
        body: bytes,
        rejections: Sequence[Rejection] = (),
    ) -> Message:
        """Return the answer to a request, once every item that is taken is safe.

        Args:
            signal: the signal of the request.
            transport: the transport that brought the request.
            origin: the result of `admit`.
            body: a serialized Export*ServiceRequest, decompressed.
            rejections: items that were left out of the body already.

        Raises:
            Refusal: the body is malformed, or there is no room for it now.
        """
        try:
            screened = screen(
                signal, body, max_item_bytes=self._settings.max_span_bytes, checks_ids=self._sink.checks_ids
            )
        except DecodeError as error:
            raise Refusal(Reason.MALFORMED, str(error)) from error
        rejections = [*rejections, *screened.rejections]
        refused = sum(each.count for each in rejections)
        if screened.has_items:
            await self._put(signal, transport, origin, screened, refused)
            self._guard.remember(origin.tenant)
        self._counts.received(transport, signal, accepted=screened.items, refused=refused)
        for each in rejections:
            self._refusals.note(each.reason, transport, signal, each.message, each.count)
        return _answer(signal, rejections, refused)

    def refused(self, refusal: Refusal, transport: Transport, signal: Signal | None) -> None:
        """Count and log a request that was refused."""
        self._refusals.note(refusal.reason.name.lower(), transport, signal, refusal.message)

    def failed(self, transport: Transport, signal: Signal | None) -> Refusal:
        """Log the exception that is being handled, which is a fault of ours; return the answer to the sender."""
        _log.exception("a request of %s over %s could not be taken", signal, transport)
        return Refusal(Reason.FAILED, "the service failed on this request; its log says why")

    async def _put(
        self, signal: Signal, transport: Transport, origin: Origin, screened: Screened, refused: int
    ) -> None:
        request = QueuedRequest(
            signal=signal,
            body=screened.body,
            items=screened.items,
            tenant=origin.tenant,
            replayed=origin.replayed,
        )
        try:
            await self._sink.put(request)
        except QueueFullError as error:
            self._counts.received(transport, signal, refused=screened.items + refused)
            raise Refusal(Reason.OVERLOAD, f"{error}; try again") from error
        except asyncio.CancelledError:
            # it may be safe or not: the sender left before it heard, and will send it again
            self._counts.received(transport, signal, refused=screened.items + refused)
            self._refusals.note("gone", transport, signal, "the sender left before the request was safe")
            raise


def _answer(signal: Signal, rejections: Sequence[Rejection], refused: int) -> Message:
    facts = SIGNALS[signal]
    response = facts.response()
    if rejections:  # left unset on full success, as OTLP demands
        partial = response.partial_success  # type: ignore[attr-defined]
        more = refused - 1
        partial.error_message = rejections[0].message + (f" (and {more} more)" if more else "")
        setattr(partial, facts.rejected, refused)
    return response
