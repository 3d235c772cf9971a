"""The life of one stream: read to the end, closed, dropped, cancelled or failed, its call ends exactly once.

The client's own object stays what it is: only its chunk iterator and its HTTP response's body are stood in for. On
the app's path a chunk costs a timestamp and its adding up.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from otel_llm.instrument.contract.data import Chunks, Response
from otel_llm.instrument.guard import guarded, report
from otel_llm.instrument.lifecycle.call import CallEnd, LiveCall
from otel_llm.instrument.lifecycle.httpx_tap import tap


class Reading:
    """One stream being read: its timestamps and its end."""

    __slots__ = ("__weakref__", "_call", "_ended", "_opened", "chunks", "times", "unhook")

    def __init__(self, call: LiveCall, chunks: Chunks) -> None:
        self._call = call
        self._opened = time.perf_counter()
        self._ended = False
        self.chunks: Chunks | None = chunks
        """What adds up the chunks; None after that failed: the rest of the stream is only timed."""
        self.times: list[float] = []
        """When chunks came."""
        self.unhook: Callable[[], None] = _nothing
        _open[id(self)] = weakref.ref(self)

    @property
    def ended(self) -> bool:
        """Whether the call has ended, and nothing that still comes counts."""
        return self._ended

    def add(self, chunk: Any) -> None:
        """Take one chunk."""
        try:
            self.times.append(time.perf_counter())
            if self.chunks is not None:
                self.chunks.add(chunk)
        except Exception as error:
            self.give_up(error)

    def give_up(self, error: Exception) -> None:
        """Add up no more chunks, as one could not be read."""
        self.chunks = None
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
        outcome.ended = self.times[-1] if self.times else self._opened
        self._call.end(outcome)

    def _end_once(self) -> bool:
        first, self._ended = not self._ended, True
        if first:
            _open.pop(id(self), None)
            self.unhook()
        return first

    def _outcome(self, error: BaseException | None) -> CallEnd:
        response = Response()
        try:
            if self.chunks is not None:
                response = self.chunks.response()
        except Exception as failure:
            report("adding up a stream", failure)
        times = self.times
        return CallEnd(
            response=response,
            error=error,
            first_chunk_s=times[0] - self._call.started if times else None,
            chunk_times=times,
        )


class Dropped:
    """Held by what reads a stream, and by nothing else: goes with it."""

    _reading: Reading | None = None

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def __del__(self) -> None:
        if self._reading is not None:
            self._reading.drop()


def watch(call: LiveCall, stream: Any) -> None:
    """Have the reading of a client's stream end its call."""
    add_up = call.request.endpoint.add_up
    if add_up is None:
        raise LookupError(f"the endpoint {call.request.endpoint.operation} has no streams")
    inner = _chunks_without_cycle(stream)
    reading = Reading(call, add_up(call.captures_content))
    reading.unhook = tap(stream.response, _Closing(reading, inner))
    if hasattr(inner, "__anext__"):
        stream._iterator = _AsyncReader(inner, reading)
    else:
        stream._iterator = _read(inner, reading, Dropped(reading))


def _read(inner: Iterator[Any], reading: Reading, _: Dropped) -> Iterator[Any]:
    """Yield the client's chunks. A generator, as the client's own, and the quickest way to stand between."""
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


class _AsyncReader:
    """Stands in for an asynchronous stream's chunk iterator."""

    __slots__ = ("_dropped", "_inner", "_reading")

    def __init__(self, inner: AsyncIterator[Any], reading: Reading) -> None:
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
        except GeneratorExit:  # nobody awaits it any more: the garbage collector calls
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
    """What a stream does with its HTTP body: the chunks are read elsewhere, so that only its closing counts."""

    def __init__(self, reading: Reading, inner: Any) -> None:
        self._reading = reading
        self._inner = inner

    data = None

    @guarded("closing a stream")
    def closed(self) -> None:
        """End the call, unless the stream's own generator closes the body: how that ended is seen there."""
        inner = self._inner
        if not (getattr(inner, "gi_running", False) or getattr(inner, "ag_running", False)):
            self._reading.close()


def end_open_streams() -> None:
    """End the streams that are still open: the process exits."""
    for reading in _open_readings():
        reading.end()


@guarded("forking")
def leave_open_streams_to_the_parent() -> None:
    """Never end the streams that were open when this process was forked: their calls are the parent's."""
    for reading in _open_readings():
        reading.leave_open()


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


def _open_readings() -> list[Reading]:
    # a copy in one step, as other threads may open streams
    readings = [reference() for reference in tuple(_open.values())]
    return [reading for reading in readings if reading is not None]


_open: Final[dict[int, weakref.ref[Reading]]] = {}
