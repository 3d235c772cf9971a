"""The content encodings of OTLP/HTTP, unpacked up to a limit: a small body may unpack to gigabytes."""

from __future__ import annotations

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


def unpacked(body: bytes, encoding: str, *, max_bytes: int) -> bytes | None:
    """Return the body without its encoding, one of `ENCODINGS`; None where that is more than `max_bytes`.

    Raises:
        Refusal: the body is not of that encoding.
    """
    if encoding == "identity":
        return body if len(body) <= max_bytes else None
    data = bytearray()
    while body:
        member = _UNPACKERS[encoding]()
        try:
            data += member.decompress(body, max_bytes + 1 - len(data))
        except (zlib.error, ZstdError) as error:
            raise Refusal(Reason.MALFORMED, f"the body is not {encoding}: {error}") from error
        if len(data) > max_bytes:
            return None
        if not member.eof:
            raise Refusal(Reason.MALFORMED, f"the body is not {encoding}: it ends too early")
        body = member.unused_data
    return bytes(data)
