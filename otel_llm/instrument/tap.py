"""Listens to the body of an HTTP response of httpx or httpx2, while the app reads it.

Everything that reads or closes a response comes to its `stream`: the client's own streams, their context managers,
helpers that hold only the response. That attribute is the one that the response leaves out when it is pickled.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol


class Listener(Protocol):
    """Hears of a body."""

    def data(self, data: bytes) -> None:
        """Take the next piece, as it came over the wire, so perhaps compressed. Must not raise."""

    def closed(self) -> None:
        """Learn that the body was closed, read to its end or not. Must not raise."""


def tap(response: Any, listener: Listener) -> Callable[[], None]:
    """Have a listener hear of a response's body; return what ends that."""
    if response.is_closed:
        return _tap_closed(response, listener)
    stream = _tap_class(type(response).__module__.partition(".")[0])(response.stream, listener)
    response.stream = stream

    def untap() -> None:
        stream.listener = None

    return untap


def _tap_closed(response: Any, listener: Listener) -> Callable[[], None]:
    """Listen to a response that came with its body, as from a cache: nothing of it reads the `stream` any more."""
    close, aclose = response.close, response.aclose

    def closing() -> None:
        close()
        listener.closed()

    async def aclosing() -> None:
        await aclose()
        listener.closed()

    def untap() -> None:
        vars(response).pop("close", None)
        vars(response).pop("aclose", None)

    listener.data(response.content)
    response.close, response.aclose = closing, aclosing
    return untap


@functools.cache
def _tap_class(library: str) -> type[Any]:
    """Return the class of tapped bodies for httpx or httpx2, whose responses take only bodies of their own."""
    base = importlib.import_module(library)

    class Tapped(base.SyncByteStream, base.AsyncByteStream):  # type: ignore[misc, name-defined]
        """A body that is listened to."""

        def __init__(self, inner: Any, listener: Listener) -> None:
            self._inner = inner
            self.listener: Listener | None = listener

        def __iter__(self) -> Iterator[bytes]:
            for data in self._inner:
                if self.listener is not None:
                    self.listener.data(data)
                yield data

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for data in self._inner:
                if self.listener is not None:
                    self.listener.data(data)
                yield data

        def close(self) -> None:
            try:
                self._inner.close()
            finally:
                if self.listener is not None:
                    self.listener.closed()

        async def aclose(self) -> None:
            try:
                await self._inner.aclose()
            finally:
                if self.listener is not None:
                    self.listener.closed()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    return Tapped
