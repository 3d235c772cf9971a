"""What happens to an export, whichever transport brought it: look at it, hand it over, answer."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from google.protobuf.message import Message

from otel_llm.config.receive import ReceiverSettings
from otel_llm.errors import DecodeError, QueueFullError
from otel_llm.otlp.screen import Rejection, Screened, screen
from otel_llm.otlp.signals import SIGNALS, Signal
from otel_llm.receive.in_flight import Hold, InFlight
from otel_llm.receive.refusal import Reason, Refusal, too_large
from otel_llm.receive.refusal_log import RefusalLog, Transport
from otel_llm.receive.security import Guard, Header

__all__ = [
    "REPLAY_HEADER",
    "Counts",
    "Intake",
    "Origin",
    "Request",
    "Signal",
    "Sink",
    "Transport",
    "pack",
    "unpack",
]

REPLAY_HEADER: Final = "x-otel-llm-replay"
"""What a dead letter is sent with again: its stage."""

_VERSION: Final = 2
_HEADER: Final = struct.Struct("<BB?IH")
"""Version, signal, whether it is replayed, items, bytes of the tenant's name; then the name, then the body."""
_SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")  # by their number in the header
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An export that was taken."""

    signal: Signal
    body: bytes
    """A serialized Export*ServiceRequest."""
    items: int
    """Spans, log records or data points in it."""
    tenant: str = ""
    """Whose it is; "" where tenants are not told apart."""
    replayed: bool = False
    """Whether it is a dead letter: to be evaluated though its spans came before, and passed on already."""


class Origin(NamedTuple):
    """Who sends a request, and what for."""

    tenant: str
    replayed: bool


def pack(request: Request) -> bytes:
    """Return the request as a queue keeps it."""
    tenant = request.tenant.encode()
    header = _HEADER.pack(_VERSION, _SIGNALS.index(request.signal), request.replayed, request.items, len(tenant))
    return b"".join((header, tenant, request.body))


def unpack(data: bytes) -> Request:
    """Return the request that was packed.

    Raises:
        DecodeError: the bytes are no such request, or of another version of this service.
    """
    if data[:1] != bytes([_VERSION]):
        raise DecodeError(f"a queued request must be of version {_VERSION}, got {data[:1].hex() or 'nothing'}")
    try:
        _, signal, replayed, items, length = _HEADER.unpack_from(data)
        start = _HEADER.size + length
        if len(data) < start:
            raise DecodeError(f"a queued request is damaged: it has {len(data)} bytes, its header alone {start}")
        tenant = data[_HEADER.size : start].decode()
        return Request(signal=_SIGNALS[signal], body=data[start:], items=items, tenant=tenant, replayed=replayed)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise DecodeError(f"a queued request is damaged: {error}") from error


class Sink(Protocol):
    """Where requests go: the queue."""

    @property
    def checks_ids(self) -> bool:
        """Whether spans must have ids that are well-formed."""

    def takes(self, signal: Signal) -> bool:
        """Return whether there is a use for the signal."""

    def admits(self, signal: Signal, tenant: str, length: int) -> str | None:
        """Return why a request of such a length has no room now; None where it has.

        Asked before its body is read. The length is as it comes, packed or not; 0 where it is not known yet.
        """

    async def put(self, request: Request) -> None:
        """Return once the request is safe.

        Raises:
            QueueFullError: there is no room for it now.
        """


class Counts(Protocol):
    """Who counts spans, log records and data points: the metrics."""

    def received(self, transport: Transport, signal: Signal, *, accepted: int = 0, refused: int = 0) -> None:
        """Add to the counts of one transport and signal."""


class Intake:
    """Takes exports."""

    def __init__(self, sink: Sink, counts: Counts, settings: ReceiverSettings) -> None:
        """Feed the sink.

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
        """Bytes of requests that are under way."""
        return self._in_flight.bytes

    @property
    def refusals(self) -> Counter[str]:
        """How many requests, or items of them, were refused since the start, by reason."""
        return self._refusals.totals

    def hold(self) -> Hold:
        """Return what accounts for the bytes of one request."""
        return Hold(self._in_flight)

    def admit(self, signal: Signal, header: Header, length: int) -> Origin:
        """Return where a request comes from whose body is still to be read.

        Args:
            signal: what it would be an export of.
            header: looks up its headers.
            length: of its body, as it comes; 0 where it is not known yet.

        Raises:
            Refusal: nobody should read it.
        """
        tenant = self._guard.tenant(header)
        replayed = self._is_replayed(signal, header(REPLAY_HEADER))
        if not self._sink.takes(signal):
            raise Refusal(
                Reason.NOT_TAKEN,
                f"{signal} are not taken: this service has no use for them unless forward.endpoint is set; "
                "send them to your OpenTelemetry Collector",
            )
        if length > self._settings.max_request_bytes:
            raise too_large(self._settings.max_request_bytes, f"{length} bytes")
        self._in_flight.check(length)
        if reason := self._sink.admits(signal, tenant, length):
            raise Refusal(Reason.OVERLOAD, f"{reason}; try again")
        return Origin(tenant, replayed)

    def _is_replayed(self, signal: Signal, stage: str | None) -> bool:
        """Return whether it is a dead letter for the evaluators.

        Raises:
            Refusal: it is one that this service has no use for.
        """
        if stage not in {None, "decode", "evaluate", "forward", "events"} or (stage and signal == "metrics"):
            raise Refusal(
                Reason.MALFORMED,
                f"{REPLAY_HEADER} must be the stage of a dead letter of spans or log records, got {stage!r:.40}",
            )
        if stage == "events":
            raise Refusal(
                Reason.NOT_TAKEN, "dead letters of stage events are for the receiver that events.endpoint names"
            )
        if stage == "forward" and not self._sink.takes("metrics"):
            raise Refusal(Reason.NOT_TAKEN, "nothing is passed on from here: forward.endpoint is not set")
        return stage in {"decode", "evaluate"}

    async def take(
        self,
        signal: Signal,
        transport: Transport,
        origin: Origin,
        body: bytes,
        rejections: Sequence[Rejection] = (),
    ) -> Message:
        """Return the answer to a body, decompressed and in protobuf, once all that is taken of it is safe.

        Args:
            signal: what it is an export of.
            transport: what brought it.
            origin: who sends it.
            body: a serialized Export*ServiceRequest.
            rejections: what was left out of it already.

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
        """Log the exception that is handled, which is no refusal; return what the sender is told."""
        _log.exception("a request of %s over %s could not be taken", signal, transport)
        return Refusal(Reason.FAILED, "the service failed on this request; its log says why")

    async def _put(
        self, signal: Signal, transport: Transport, origin: Origin, screened: Screened, refused: int
    ) -> None:
        request = Request(
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
