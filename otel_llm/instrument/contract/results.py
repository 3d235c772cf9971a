"""What a patched method gave: a stream, a body that the app reads by itself, or nothing that can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Streamed:
    """A call's result that is a stream: the client's own object, whose chunks its endpoint adds up."""

    stream: Any


@dataclass(slots=True)
class Raw:
    """A call's result whose body the app reads by itself: the call ends when this HTTP response closes."""

    http_response: Any
    read: Callable[[Any], Any] | None = None
    """Turns the data of a body, or of one event of a body that is a stream, into the client's own object."""


class Unread:
    """A call's result that the client itself cannot read: what `Request.received` holds is all there is."""
