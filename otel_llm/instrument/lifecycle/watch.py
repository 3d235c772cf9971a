"""Watches a stream on its way to the app, so that the end of the stream ends the call.

The client's own object stays: stand-ins replace only its iterator of chunks and the body of its HTTP response. On
the app's path, each chunk costs a timestamp and its addition to the sum.
"""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import TracebackType
from typing import Any

from otel_llm.instrument.contract.results import Streamed, itself
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.call import LiveCall
from otel_llm.instrument.lifecycle.generators import forward
from otel_llm.instrument.lifecycle.reading import Dropped, Reading


def watch(call: LiveCall, streamed: Streamed) -> Any:
    """Return the result for the app, watched: the end of reading the stream ends the call."""
    reading, chunks = start_reading(call), streamed.chunks
    if streamed.listen is not None:
        reading.unhook = streamed.listen(_Closing(reading, chunks))
    return streamed.give(_reader(chunks, reading, bare=streamed.give is itself))


def start_reading(call: LiveCall) -> Reading:
    """Return the reading of a call's stream, before its first chunk."""
    add_up = call.request.endpoint.add_up
    if add_up is None:
        raise LookupError(f"the endpoint {call.request.endpoint.operation} has no streams")
    return Reading(call, add_up(call.captures_content))


def _reader(chunks: Any, reading: Reading, *, bare: bool) -> Any:
    """Return the stand-in for the chunks. `bare` is true if the app itself gets it, and may look at its type."""
    if isinstance(chunks, Generator):
        return forward(chunks, _Steps(reading)) if bare else _read(chunks, reading, Dropped(reading))
    if bare and isinstance(chunks, AsyncGenerator):
        return _read_async(chunks, reading, Dropped(reading))
    return _AsyncReader(chunks, reading) if hasattr(chunks, "__anext__") else _Reader(chunks, reading)


def _read(inner: Iterator[Any], reading: Reading, _: Dropped) -> Iterator[Any]:
    """Yield the client's chunks. A generator, like the client's own, and the quickest stand-in."""
    clock, note = time.perf_counter, reading.times.append
    try:
        for chunk in inner:
            note(clock())
            try:
                if reading.chunks is not None:
                    reading.chunks.add(chunk)
            except Exception as error:
                reading.give_up(error)
            yield chunk
    except GeneratorExit:
        reading.drop()
        raise
    except BaseException as error:
        reading.end(error)
        raise
    else:
        reading.end()


async def _read_async(inner: AsyncGenerator[Any, Any], reading: Reading, _: Dropped) -> AsyncIterator[Any]:
    """Yield the client's chunks, for an asynchronous generator that the app itself gets."""
    resume: Callable[[], Any] = inner.__anext__
    try:
        while True:
            chunk = await resume()
            reading.add(chunk)
            sent = yield chunk
            resume = inner.__anext__ if sent is None else functools.partial(inner.asend, sent)
    except StopAsyncIteration:
        reading.end()
    except GeneratorExit:
        reading.drop()
        await inner.aclose()
        raise
    except BaseException as error:
        reading.end(error)
        await inner.aclose()  # if the app threw the error in, the client's generator still waits for a step
        raise


class _Steps:
    """The steps of a generator that the app itself gets."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._dropped = Dropped(reading)
        self.add, self.drop = reading.add, reading.drop

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._reading.stop(error)


class _Reader:
    """The stand-in for an iterator that is no generator. The app finds the iterator's further attributes on it."""

    __slots__ = ("_dropped", "_inner", "_reading")

    def __init__(self, inner: Any, reading: Reading) -> None:
        self._inner = inner
        self._reading = reading
        self._dropped = Dropped(reading)

    def __iter__(self) -> _Reader:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._inner)
        except StopIteration:
            self._reading.end()
            raise
        except BaseException as error:
            self._reading.end(error)
            raise
        self._reading.add(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _AsyncReader:
    """The stand-in for an asynchronous iterator of chunks."""

    __slots__ = ("_dropped", "_inner", "_reading")

    def __init__(self, inner: Any, reading: Reading) -> None:
        self._inner = inner
        self._reading = reading
        self._dropped = Dropped(reading)

    def __aiter__(self) -> _AsyncReader:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await self._inner.__anext__()
        except StopAsyncIteration:
            self._reading.end()
            raise
        except GeneratorExit:  # nobody awaits the chunk any more: the garbage collector calls
            self._reading.drop()
            raise
        except BaseException as error:
            self._reading.end(error)
            raise
        self._reading.add(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Closing:
    """A listener that waits for the HTTP body of a stream to be closed. The chunks are read elsewhere."""

    data = None

    def __init__(self, reading: Reading, inner: Any) -> None:
        self._reading = reading
        self._inner = inner

    def ended(self) -> None:
        """Do nothing: the reader of the chunks comes to the same end."""

    @guarded("closing a stream")
    def closed(self) -> None:
        """End the call, unless the stream's own generator closes the body: it knows how it ended."""
        inner = self._inner
        if not (getattr(inner, "gi_running", False) or getattr(inner, "ag_running", False)):
            self._reading.close()
