"""Media in content: only kind, size and hash are recorded. Decision 0006 says why as a part of type `uri`."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from otel_llm.text.well_formed import well_formed

Part = dict[str, Any]

_UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPE_LIMIT: Final = 100  # characters; a longer text is no media type
_CHUNK: Final = 1 << 18  # characters, four for three bytes; the interpreter lock is given up after each piece
_AHEAD: Final = 1 << 16  # characters; hashing a smaller blob takes the app no longer than handing it over

# a line of base64 and, where the base64 is wrapped, the lines after it
_BASE64: Final = r"[A-Za-z0-9+/_-]++(?:\s{1,4}[A-Za-z0-9+/_-]{60,}+)*+(?:\s{1,4}[A-Za-z0-9+/_-]{1,76}(?==))?={0,2}"
_DATA_URL: Final = re.compile(
    rf"(?i:data):([\w.+-]{{1,80}}/[\w.+-]{{1,80}})?(?:;[\w.+-]{{1,40}}=[^;,\s]{{0,80}}){{0,4}};(?i:base64),({_BASE64})"
)
_QUOTED: Final = re.compile(r'"([A-Za-z0-9+/_-]{1024,}+={0,2})(\\?")')
_BARE: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}+\s{0,4})++[A-Za-z0-9+/_-]*+={0,2}\s*+")
_BARE_LIMIT: Final = 1024  # characters; shorter texts may be ids, signatures, words of a language without spaces


class Media:
    """Media of a request in base64. The hash can be computed early, while the app waits for the answer."""

    __slots__ = ("_data", "_digest")

    def __init__(self, data: str) -> None:
        self._data: str | None = data
        self._digest: tuple[int, str] | None = None

    def take_digest(self) -> tuple[int, str]:
        """Return the number of bytes, and their sha256 in hexadecimal."""
        # without a lock, which might stay locked for ever in a forked child: at worst the hash is computed twice
        data = self._data
        if self._digest is None:
            self._digest = _digest(data)
            self._data = None  # the base64 is freed, as this object may wait for an upload
        return self._digest


def large_media(messages: list[dict[str, Any]]) -> list[Media]:
    """Put `Media` into the blobs whose hash takes long; return these `Media`."""
    found = []
    for message in messages:
        for part in message.get("parts", ()):
            data = part.get("content") if part.get("type") == "blob" else None
            if isinstance(data, str) and len(data) > _AHEAD:
                part["content"] = Media(data)
                found.append(part["content"])
    return found


def described(blob: Part) -> Part:
    """Return the stand-in for a blob: a part of type `uri` whose URI names the content by hash.

    Source: RFC 6920, "Naming Things with Hashes", section 7, `nih:sha-256;` and the hash in hexadecimal.
    """
    data = blob.get("content") or ""
    size, digest = data.take_digest() if isinstance(data, Media) else _digest(data)
    part: Part = {"type": "uri", "modality": blob.get("modality") or "document"}
    mime_type = blob.get("mime_type")
    if isinstance(mime_type, str) and 0 < len(mime_type) < _TYPE_LIMIT:
        part["mime_type"] = well_formed(mime_type)
    return {**part, "uri": _name(digest), "byte_size": size}


def describe_bytes(data: Any, mime_type: str | None = None) -> str:
    """Return a text that stands for bytes, or for their base64, inside another structure."""
    size, digest = _digest(data)
    return f"[{mime_type or _UNKNOWN_TYPE}, {size} bytes, {_name(digest)}]"


def without_media(text: str, *, bare: bool) -> str:
    """Return a text with its media replaced by their description.

    Args:
        text: any text.
        bare: True if base64 without a `data:` URL counts as media. False for texts written to a model.
    """
    if "base64," in text or "BASE64," in text:
        text = _DATA_URL.sub(lambda url: describe_bytes(url[2], url[1]), text)
    if bare and len(text) >= _BARE_LIMIT:
        text = _QUOTED.sub(lambda quoted: f'"{describe_bytes(quoted[1])}{quoted[2]}', text)
        if _BARE.fullmatch(text):
            return describe_bytes(text)
    return text


def _name(digest: str) -> str:
    return f"nih:sha-256;{digest}"


def _digest(data: Any) -> tuple[int, str]:
    """Return size and hash of the decoded base64; of the text itself if it is no valid base64."""
    from hashlib import sha256  # noqa: PLC0415 - loads OpenSSL, for the few calls that have media

    for chunks in (_decoded, _plain):
        size, digest = 0, sha256(usedforsecurity=False)
        try:
            for chunk in chunks(data):
                size += len(chunk)
                digest.update(chunk)
        except ValueError:  # includes binascii.Error
            continue
        break
    return size, digest.hexdigest()


def _decoded(data: Any) -> Iterator[bytes]:
    if not isinstance(data, str):
        yield from _plain(data)
        return
    if "\n" in data or " " in data:
        data = "".join(data.split())
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK]
        yield binascii.a2b_base64(chunk + "=" * (-len(chunk) % 4), strict_mode=True)


def _plain(data: Any) -> Iterator[bytes]:
    yield bytes(data) if isinstance(data, bytes | bytearray | memoryview) else str(data).encode(errors="replace")
