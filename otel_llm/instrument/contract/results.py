"""Results of a patched method that are no whole response: a stream, a body, or a response that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


class BodyListener(Protocol):
    """Is told of the body of a response while the app reads the body."""

    @property
    def data(self) -> Callable[[bytes], None] | None:
        """Takes a piece of the body, decoded. Must not raise. None: no piece is wanted."""

    def closed(self) -> None:
        """Take note that the body was closed, read to its end or not. Must not raise."""


Listen: TypeAlias = Callable[[BodyListener], Callable[[], None]]
"""Has a listener hear of a response's body; returns what ends that."""


def itself(reader: Any) -> Any:
    """Return the reader: the app is given it in place of the chunks."""
    return reader


@dataclass(slots=True)
class Streamed:
    """A result that is a stream of chunks, whatever the client's object for it is."""

    chunks: Any
    """The iterator, asynchronous iterator or generator that gives the chunks."""
    give: Callable[[Any], Any] = itself
    """Puts what stands in for `chunks` in their place; returns the object that the app is given.

    A client whose stream is an object of its own sets its iterator and returns that object; where the chunks are
    all that the app is given, it is given what stands in for them.
    """
    listen: Listen | None = None
    """Tells of the body's closing, where a stream can be closed before it is read to its end."""


@dataclass(slots=True)
class Raw:
    """A result whose body the app reads by itself: the call ends when the body is closed."""

    media_type: str
    """The value of the response's header `content-type`."""
    listen: Listen
    read: Callable[[Any], Any] | None = None
    """Turns the data of a body, or of one event of a body that is a stream, into the client's own object."""


class Unread:
    """A result that the client itself cannot read; `Request.received` may hold a response."""
