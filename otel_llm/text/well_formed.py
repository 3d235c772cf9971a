"""Texts that can be sent: one of Python may hold halves of characters, over which an exporter loses its batch."""

from __future__ import annotations


def well_formed(text: str) -> str:
    """Return a text without surrogates: those of one character are joined, one alone is U+FFFD.

    A server may cut a character in two, and each half is valid JSON by itself.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
