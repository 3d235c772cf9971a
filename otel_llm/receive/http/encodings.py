"""The content encodings of OTLP/HTTP, unpacked up to a limit: a small body may unpack to gigabytes."""

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
    """Unpacks one member, as a gzip file or a zstd stream has one or more."""

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
"""Values of Content-Encoding that are taken."""
_MAX_MEMBERS: Final = 64
"""Each copies what follows it: a body of a million empty ones would take minutes."""
INLINE_BYTES: Final = 256_000
"""What is unpacked in the event loop: half a millisecond of gzip, where going to a thread costs a tenth of one."""


async def unpack_aside(body: bytes, encoding: str, *, max_bytes: int) -> bytes | None:
    """Return what `unpacked` returns, off the event loop where there is much to unpack.

    Raises:
        Refusal: the body is not of that encoding.
    """
    if len(body) <= INLINE_BYTES or encoding == "identity":
        data = unpacked(
            body, encoding, max_bytes=min(max_bytes, INLINE_BYTES) if encoding != "identity" else max_bytes
        )
        if data is not None or max_bytes <= INLINE_BYTES or encoding == "identity":
            return data
    return await asyncio.to_thread(unpacked, body, encoding, max_bytes=max_bytes)


def unpacked(body: bytes, encoding: str, *, max_bytes: int) -> bytes | None:
    """Return the body without its encoding, one of `ENCODINGS`; None where that is more than `max_bytes`.

    Raises:
        Refusal: the body is not of that encoding.
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
