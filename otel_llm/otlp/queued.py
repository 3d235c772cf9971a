"""An OTLP request as a record of the queue: its body, and beside it what the body does not say."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

from otel_llm.errors import DecodeError
from otel_llm.otlp.signals import Signal

_VERSION: Final = 2
_HEADER: Final = struct.Struct("<BB?IH")
"""Version, signal, `replayed`, items, bytes of the tenant's name. The name and the body follow the header."""
_SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")  # by their number in the header


class Origin(NamedTuple):
    """The sender of a request, and its purpose."""

    tenant: str
    """Name of the tenant; "" where tenants are not told apart."""
    replayed: bool
    """True if the request is a dead letter that is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRequest:
    """A request that the service has accepted."""

    signal: Signal
    body: bytes
    """A serialized Export*ServiceRequest."""
    items: int
    """Number of spans, log records or data points in the body."""
    tenant: str = ""
    """Name of the tenant; "" where tenants are not told apart."""
    replayed: bool = False
    """True if the request is a dead letter: its spans are evaluated again, and it is not forwarded."""


def pack(request: QueuedRequest) -> bytes:
    """Return the request as a record of the queue."""
    tenant = request.tenant.encode()
    header = _HEADER.pack(_VERSION, _SIGNALS.index(request.signal), request.replayed, request.items, len(tenant))
    return b"".join((header, tenant, request.body))


def unpack(data: bytes) -> QueuedRequest:
    """Return the request of a record.

    Raises:
        DecodeError: the record is damaged, or another version of the service wrote it.
    """
    if data[:1] != bytes([_VERSION]):
        raise DecodeError(f"a queued request must be of version {_VERSION}, got {data[:1].hex() or 'nothing'}")
    try:
        _, signal, replayed, items, length = _HEADER.unpack_from(data)
        start = _HEADER.size + length
        if len(data) < start:
            raise DecodeError(f"a queued request is damaged: it has {len(data)} bytes, its header alone {start}")
        tenant = data[_HEADER.size : start].decode()
        return QueuedRequest(
            signal=_SIGNALS[signal], body=data[start:], items=items, tenant=tenant, replayed=replayed
        )
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise DecodeError(f"a queued request is damaged: {error}") from error
