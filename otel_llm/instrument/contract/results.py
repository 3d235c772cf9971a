"""Results of a patched method other than a whole response: a stream, a body, a response that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


class BodyListener(Protocol):
    """Receives the body of a response while the app reads the body."""

    @property
    def data(self) -> Callable[[bytes], None] | None:
        """Takes a decoded piece of the body. Must not raise. None means that the listener needs no pieces."""

    def ended(self) -> None:
        """Record that the app has read the body to its end. Must not raise."""

    def closed(self) -> None:
        """Record that the body was closed, whether or not it was read to its end. Must not raise."""


Listen: TypeAlias = Callable[[BodyListener], Callable[[], None]]
"""Attaches a listener to a response's body; returns the function that detaches it."""


def itself(reader: Any) -> Any:
    """Return the reader itself: the app gets the reader in place of the chunks."""
    return reader


@dataclass(slots=True)
class Streamed:
    """A result that is a stream of chunks, whatever the client's class of streams is."""

    chunks: Any
    """The iterator, asynchronous iterator or generator that yields the chunks."""
    give: Callable[[Any], Any] = itself
    """Puts the stand-in for `chunks` in place; returns the object that the app gets.

    A client with a stream object of its own sets the object's iterator, and returns the object. Where the app gets
    the chunks themselves, it gets the stand-in.
    """
    listen: Listen | None = None
    """Attaches a listener to the body, for a stream that can be closed before its end. None means no body."""


@dataclass(slots=True)
class Raw:
    """A result whose body the app itself reads: the call ends when the body is closed."""

    media_type: str
    """The value of the response's header `content-type`."""
    listen: Listen
    read: Callable[[Any], Any] | None = None
    """Turns the data of a body, or of one event of a streamed body, into the client's own object."""


class Unread:
    """A result that the client itself cannot read. `Request.received` may hold a response."""
