"""Texts that can be exported: a Python text may hold half characters, which cost an exporter the whole batch."""

from __future__ import annotations


def well_formed(text: str) -> str:
    """Return a text without surrogates: the two of one character are joined, a single one becomes U+FFFD.

    A server may cut a character in two, and each half is valid JSON by itself.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
