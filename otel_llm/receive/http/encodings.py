"""The content encodings of OTLP/HTTP, decompressed up to a limit: a small body may decompress to gigabytes."""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from otel_llm.receive.refusal import Reason, Refusal

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError


class _Unpacker(Protocol):
    """Decompresses one member; a gzip file or a zstd stream has one or more."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_UNPACKERS: Final[Mapping[str, Callable[[], _Unpacker]]] = {
    "gzip": lambda: zlib.decompressobj(wbits=16 + zlib.MAX_WBITS),
    "deflate": zlib.decompressobj,  # RFC 9110, section 8.4.1.2: with zlib's header
    "zstd": ZstdDecompressor,
}
ENCODINGS: Final = (*_UNPACKERS, "identity")
"""Values of Content-Encoding that are accepted."""
_MAX_MEMBERS: Final = 64
"""Members of a body. Each member copies the rest of the body: a million empty ones would take minutes."""
INLINE_BYTES: Final = 256_000
"""Bytes that are decompressed in the event loop: 0.5 ms of gzip, where a thread costs 0.1 ms."""


async def unpack_aside(body: bytes, encoding: str, *, max_bytes: int) -> bytes | None:
    """Return the result of `unpacked`, computed in a thread if there is much to decompress.

    Raises:
        Refusal: the body does not have that encoding.
    """
    if len(body) <= INLINE_BYTES or encoding == "identity":
        data = unpacked(
            body, encoding, max_bytes=min(max_bytes, INLINE_BYTES) if encoding != "identity" else max_bytes
        )
        if data is not None or max_bytes <= INLINE_BYTES or encoding == "identity":
            return data
    return await asyncio.to_thread(unpacked, body, encoding, max_bytes=max_bytes)


def unpacked(body: bytes, encoding: str, *, max_bytes: int) -> bytes | None:
    """Return the body without its encoding, one of `ENCODINGS`; None if the result has more than `max_bytes`.

    Raises:
        Refusal: the body does not have that encoding.
    """
    if encoding == "identity":
        return body if len(body) <= max_bytes else None
    parts: list[bytes] = []
    room = max_bytes
    while body:
        if len(parts) == _MAX_MEMBERS:
            raise Refusal(Reason.MALFORMED, f"the body has more than {_MAX_MEMBERS} {encoding} members")
        member = _UNPACKERS[encoding]()
        try:
            parts.append(member.decompress(body, room + 1))
        except (zlib.error, ZstdError) as error:
            raise Refusal(Reason.MALFORMED, f"the body is not {encoding}: {error}") from error
        room -= len(parts[-1])
        if room < 0:
            return None
        if not member.eof:
            raise Refusal(Reason.MALFORMED, f"the body is not {encoding}: it ends too early")
        body = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)
