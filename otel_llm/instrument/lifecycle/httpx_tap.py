"""Listens to the body of an HTTP response of httpx or httpx2, while the app reads it.

All code that reads or closes a response uses its attribute `stream`: the client's own streams, their context
managers, helpers that hold only the response. The response leaves this attribute out when it is pickled.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeAlias

from otel_llm.instrument.contract.results import BodyListener
from otel_llm.instrument.guard import report

_Take: TypeAlias = Callable[[bytes], None]


def listen(response: Any, listener: BodyListener) -> Callable[[], None]:
    """Attach a listener to a response's body; return the function that detaches it."""
    if response.is_closed:
        return _listen_to_closed(response, listener)
    stream = _tap_class(type(response).__module__.partition(".")[0])(response, listener)
    response.stream = stream

    # the listener refers to this object: without this line, only the garbage collector would free the cycle
    held = weakref.ref(stream)

    def untap() -> None:
        if (tapped := held()) is not None:
            tapped.listener = tapped.take = None

    return untap


def _listen_to_closed(response: Any, listener: BodyListener) -> Callable[[], None]:
    """Listen to a response that came with its body, as from a cache: no code reads its `stream` any more."""

    def untap() -> None:
        vars(response).pop("close", None)
        vars(response).pop("aclose", None)

    if listener.data is not None:
        listener.data(response.content)
    listener.ended()
    response.close = _Closing(response.close, listener)
    response.aclose = _AsyncClosing(response.aclose, listener)
    return untap


def _pass_on(take: Callable[[bytes], None], data: bytes) -> bytes:
    take(data)
    return data


class _AsyncPieces:
    """The pieces of a body. Not a generator: asyncio would close dropped generators, one inside another."""

    def __init__(self, pieces: AsyncIterator[bytes], take: _Take, end: Callable[[], None]) -> None:
        self._pieces = pieces
        self._take = take
        self._end = end

    def __aiter__(self) -> _AsyncPieces:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._pieces.__anext__()
        except StopAsyncIteration:
            self._end()
            raise
        return _pass_on(self._take, piece)


class _Closing:
    """The stand-in for the `close` of a response that is already closed."""

    def __init__(self, close: Callable[[], Any], listener: BodyListener) -> None:
        self._close = close
        self._listener = listener

    def __call__(self) -> None:
        self._close()
        self._listener.closed()

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        return _closed_already, ()


class _AsyncClosing(_Closing):
    """The stand-in for the `aclose` of a response that is already closed."""

    async def __call__(self) -> None:  # type: ignore[override]
        await self._close()
        self._listener.closed()

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        return _aclosed_already, ()


def _closed_already() -> Callable[[], None]:
    """Return the `close` of a response that was pickled, and so has no connection."""
    return _do_nothing


def _aclosed_already() -> Callable[[], Any]:
    return _do_nothing_async


def _do_nothing() -> None:
    pass


async def _do_nothing_async() -> None:
    pass


def _decoding(response: Any, take: _Take) -> _Take:
    """Return a function that takes the pieces of a response as sent over the wire, perhaps compressed."""
    if "content-encoding" not in response.headers:
        return take
    # a new response has a new decoder, for all encodings that its library knows
    decode: Callable[[bytes], bytes | Iterable[bytes]] | None
    decode = type(response)(200, headers=response.headers)._get_content_decoder().decode

    def take_decoded(data: bytes) -> None:
        nonlocal decode
        if decode is None:
            return
        try:
            pieces = decode(data)
        except Exception as error:  # the app's own reading of the body fails with the same error
            decode = None
            report("decoding a body", error)
            return
        take(
            pieces if isinstance(pieces, bytes) else b"".join(pieces)
        )  # httpx2 yields the decoded pieces one by one

    return take_decoded


@functools.cache
def _tap_class(library: str) -> type[Any]:
    """Return the class of tapped bodies for httpx or httpx2, which accept only their own bodies."""
    base = importlib.import_module(library)

    class Tapped(base.SyncByteStream, base.AsyncByteStream):  # type: ignore[misc, name-defined]
        """A body with a listener."""

        def __init__(self, response: Any, listener: BodyListener) -> None:
            self._inner = response.stream
            self.listener: BodyListener | None = listener
            self.take = None if listener.data is None else _decoding(response, listener.data)

        def __iter__(self) -> Iterator[bytes]:
            take = self.take
            if take is None:
                return iter(self._inner)
            return itertools.chain(map(functools.partial(_pass_on, take), self._inner), self._at_the_end())

        def __aiter__(self) -> AsyncIterator[bytes]:
            pieces = self._inner.__aiter__()
            return pieces if self.take is None else _AsyncPieces(pieces, self.take, self._end)

        def _at_the_end(self) -> Iterator[bytes]:
            self._end()
            yield from ()

        def _end(self) -> None:
            if self.listener is not None:
                self.listener.ended()

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
