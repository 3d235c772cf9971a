"""The life of one stream: read to the end, closed, dropped, cancelled or failed, its call ends exactly once.

The client's own object stays what it is: only its chunk iterator and its HTTP response's close are stood in for,
and the latter is put back at the end. On the app's path a chunk costs a timestamp and its adding up.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from otel_llm.instrument.call import Call, Outcome
from otel_llm.instrument.fields import Chunks, Response
from otel_llm.instrument.guard import guarded, report


class Reading:
    """One stream being read: its timestamps and its end."""

    def __init__(self, call: Call, chunks: Chunks) -> None:
        self._call = call
        self._chunks = chunks
        self._opened = time.perf_counter()
        self._times: list[float] = []
        self._adding = True
        self._ended = False
        self.unhook: Callable[[], None] = _nothing
        _open.add(self)

    def chunk(self, chunk: Any) -> None:
        """Take one chunk. When adding it up fails, the rest of the stream is only timed."""
        try:
            self._times.append(time.perf_counter())
            if self._adding:
                self._chunks.add(chunk)
        except Exception as error:
            self._adding = False
            report("reading a chunk", error)

    @guarded("ending a stream")
    def end(self, error: BaseException | None = None) -> None:
        """End the call, now."""
        if self._end_once():
            self._call.end(self._outcome(error))

    @guarded("ending a closed stream")
    def close(self) -> None:
        """End the call as the app closes the stream, perhaps because of an exception of its own."""
        self.end(self._call.error_of_the_caller())

    @guarded("ending a dropped stream")
    def drop(self) -> None:
        """End the call as of its last chunk, for nobody can read on. Called by the garbage collector."""
        if self._end_once():
            self._call.telemetry.worker.submit_dropped(self._end_dropped)

    def leave_open(self) -> None:
        """Have no end of this reading end its call, here."""
        self._end_once()

    def _end_dropped(self) -> None:
        outcome = self._outcome(None)
        outcome.ended = self._times[-1] if self._times else self._opened
        self._call.end(outcome)

    def _end_once(self) -> bool:
        first, self._ended = not self._ended, True
        if first:
            self.unhook()
        return first

    def _outcome(self, error: BaseException | None) -> Outcome:
        try:
            response = self._chunks.response()
        except Exception as failure:
            report("adding up a stream", failure)
            response = Response()
        times = self._times
        return Outcome(
            response=response,
            error=error,
            first_chunk_s=times[0] - self._call.started if times else None,
            chunk_gaps_s=[later - earlier for earlier, later in pairwise(times)],
        )


class Reader:
    """Stands in for a stream's chunk iterator."""

    _inner: Any = None
    _reading: Reading

    def __init__(self, inner: Any, reading: Reading) -> None:
        self._reading = reading
        self._inner = inner

    def __iter__(self) -> Reader:
        return self

    def __next__(self) -> Any:
        try:
            chunk = self._inner.__next__()
        except StopIteration:
            self._reading.end()
            raise
        except BaseException as error:
            self._reading.end(error)
            raise
        self._reading.chunk(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        if self._inner is not None:
            self._reading.drop()


class AsyncReader:
    """Stands in for an asynchronous stream's chunk iterator."""

    _inner: Any = None
    _reading: Reading

    def __init__(self, inner: Any, reading: Reading) -> None:
        self._reading = reading
        self._inner = inner

    def __aiter__(self) -> AsyncReader:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await self._inner.__anext__()
        except StopAsyncIteration:
            self._reading.end()
            raise
        except BaseException as error:
            self._reading.end(error)
            raise
        self._reading.chunk(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        if self._inner is not None:
            self._reading.drop()


def watch(call: Call, stream: Any, chunks: Chunks) -> None:
    """Have the reading of a client's stream end its call."""
    inner = _chunks_without_cycle(stream)
    reading = Reading(call, chunks)
    reading.unhook = hook_close(stream.response, reading.close, inner)
    reader = AsyncReader if hasattr(inner, "__anext__") else Reader
    stream._iterator = reader(inner, reading)


def watch_raw(call: Call, response: Any) -> None:
    """Have the closing of an HTTP response, whose body the app reads by itself, end the call."""

    @guarded("ending a raw response")
    def closed() -> None:
        unhook()
        call.end(Outcome(error=call.error_of_the_caller()))

    unhook = hook_close(response, closed)


def hook_close(response: Any, closed: Callable[[], Any], inner: Any = None) -> Callable[[], None]:
    """Have the closing of an HTTP response call `closed`; return what puts everything back.

    Everything that closes a stream comes through here: `stream.close()`, its context manager, helpers that hold
    only the response. So does the stream's own generator as it ends or fails, which `Reader` sees better.
    """
    close_response, aclose_response = response.close, response.aclose

    def close() -> None:
        try:
            close_response()
        finally:
            _note_closed(closed, inner)

    async def aclose() -> None:
        try:
            await aclose_response()
        finally:
            _note_closed(closed, inner)

    def unhook() -> None:
        response.__dict__.pop("close", None)
        response.__dict__.pop("aclose", None)

    response.close, response.aclose = close, aclose
    return unhook


@guarded("closing a stream")
def _note_closed(closed: Callable[[], Any], inner: Any) -> None:
    if not (getattr(inner, "gi_running", False) or getattr(inner, "ag_running", False)):
        closed()


def end_open_streams() -> None:
    """End the streams that are still open: the process exits."""
    for reading in list(_open):
        reading.end()


@guarded("forking")
def leave_open_streams_to_the_parent() -> None:
    """Never end the streams that were open when this process was forked: their calls are the parent's."""
    for reading in list(_open):
        reading.leave_open()
    _open.clear()


def _chunks_without_cycle(stream: Any) -> Any:
    """Return the stream's chunk generator, made anew on a copy of the stream.

    The client's generator holds the stream that holds the generator: a stream that is dropped, as by `break` and
    the function's return, is then freed by the cyclic garbage collector alone, perhaps minutes later, and its span
    would end no sooner.
    """
    twin = object.__new__(type(stream))
    twin.__dict__.update(stream.__dict__)
    twin._iterator = None
    return type(stream).__stream__(twin)


def _nothing() -> None:
    pass


_open: Final[weakref.WeakSet[Reading]] = weakref.WeakSet()
