"""Listens to the body of an HTTP response of httpx or httpx2, while the app reads it.

Everything that reads or closes a response comes to its `stream`: the client's own streams, their context managers,
helpers that hold only the response. That attribute is the one that the response leaves out when it is pickled.
"""

from __future__ import annotations

import functools
import importlib
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol


class Listener(Protocol):
    """Hears of a body."""

    @property
    def data(self) -> Callable[[bytes], None] | None:
        """Takes a piece, as it came over the wire, so perhaps compressed. Must not raise. None: takes none."""

    def closed(self) -> None:
        """Learn that the body was closed, read to its end or not. Must not raise."""


def tap(response: Any, listener: Listener) -> Callable[[], None]:
    """Have a listener hear of a response's body; return what ends that."""
    if response.is_closed:
        return _tap_closed(response, listener)
    stream = _tap_class(type(response).__module__.partition(".")[0])(response.stream, listener)
    response.stream = stream

    # the listener leads here: by a cycle, only the garbage collector would free them
    held = weakref.ref(stream)

    def untap() -> None:
        if (tapped := held()) is not None:
            tapped.listener = None

    return untap


def _tap_closed(response: Any, listener: Listener) -> Callable[[], None]:
    """Listen to a response that came with its body, as from a cache: nothing of it reads the `stream` any more."""

    def untap() -> None:
        vars(response).pop("close", None)
        vars(response).pop("aclose", None)

    if listener.data is not None:
        listener.data(response.content)
    response.close = _Closing(response.close, listener)
    response.aclose = _AsyncClosing(response.aclose, listener)
    return untap


def _pass_on(take: Callable[[bytes], None], data: bytes) -> bytes:
    take(data)
    return data


class _AsyncPieces:
    """A body's pieces. No generator: of those that are dropped, asyncio closes each, one inside another."""

    def __init__(self, pieces: AsyncIterator[bytes], take: Callable[[bytes], None]) -> None:
        self._pieces = pieces
        self._take = take

    def __aiter__(self) -> _AsyncPieces:
        return self

    async def __anext__(self) -> bytes:
        return _pass_on(self._take, await self._pieces.__anext__())


class _Closing:
    """Stands in for the `close` of a response that is closed already."""

    def __init__(self, close: Callable[[], Any], listener: Listener) -> None:
        self._close = close
        self._listener = listener

    def __call__(self) -> None:
        self._close()
        self._listener.closed()

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        return _closed_already, ()


class _AsyncClosing(_Closing):
    """Stands in for the `aclose` of a response that is closed already."""

    async def __call__(self) -> None:  # type: ignore[override]
        await self._close()
        self._listener.closed()

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        return _aclosed_already, ()


def _closed_already() -> Callable[[], None]:
    """Return the `close` of a response that was pickled: it has no connection."""
    return _do_nothing


def _aclosed_already() -> Callable[[], Any]:
    return _do_nothing_async


def _do_nothing() -> None:
    pass


async def _do_nothing_async() -> None:
    pass


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
            take = None if self.listener is None else self.listener.data
            return iter(self._inner) if take is None else map(functools.partial(_pass_on, take), self._inner)

        def __aiter__(self) -> AsyncIterator[bytes]:
            take = None if self.listener is None else self.listener.data
            pieces = self._inner.__aiter__()
            return pieces if take is None else _AsyncPieces(pieces, take)

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
