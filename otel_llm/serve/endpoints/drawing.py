"""A small picture for a prompt: a square of one colour."""

from __future__ import annotations

import hashlib
import struct
import zlib

_SIDE = 8  # width and height in pixels


def colour_of(text: str, number: int = 0) -> str:
    """Return a colour as six hexadecimal digits, derived from the text and the number."""
    return hashlib.sha256(f"{number} {text}".encode()).hexdigest()[:6]


def png(colour: str) -> bytes:
    """Return a square of the colour as a PNG.

    Source: W3C, Portable Network Graphics Specification (Third Edition), section 5.
    """
    row = b"\0" + bytes.fromhex(colour) * _SIDE  # each row begins with its filter type, here none
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)  # 8 bits each for red, green and blue
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * _SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
