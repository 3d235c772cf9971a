"""The reading of one stream. However it ends (read, closed, dropped, cancelled, failed), its call ends once."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any, Final

from otel_llm.instrument.contract.data import Chunks, Response
from otel_llm.instrument.guard import guarded, report
from otel_llm.instrument.lifecycle.call import CallEnd, LiveCall


class Reading:
    """One stream being read: the sum of its chunks, their times, and the end.

    States: open, then ended. The first of `end`, `close`, `leave` and `drop` ends the reading and the call;
    `leave_open` ends the reading without the call. The thread or task that reads the stream adds chunks. The
    garbage collector may call `drop` on any thread, which hands its work to the worker. Holds one timestamp a
    chunk; `chunks` holds the sum.
    """

    __slots__ = (
        "__weakref__",
        "_call",
        "_ended",
        "_opened",
        "chunks",
        "error_type",
        "is_complete",
        "times",
        "unhook",
    )

    def __init__(self, call: LiveCall, chunks: Chunks) -> None:
        self._call = call
        self._opened = time.perf_counter()
        self._ended = False
        self.chunks: Chunks | None = chunks
        """Adds up the chunks. None means that adding up failed: the rest of the stream is only timed."""
        self.error_type: str | None = None
        """The kind of the first error in the stream. None means no error."""
        self.is_complete = False
        """True if the stream was read to its end."""
        self.times: list[float] = []
        """Seconds, by time.perf_counter(), at which each chunk came."""
        self.unhook: Callable[[], None] = _nothing
        _open[id(self)] = weakref.ref(self)

    @property
    def ended(self) -> bool:
        """True if the call has ended: later chunks do not count."""
        return self._ended

    def add(self, chunk: Any) -> None:
        """Add one chunk."""
        try:
            self.times.append(time.perf_counter())
            if self.chunks is not None:
                self.chunks.add(chunk)
        except Exception as error:
            self.give_up(error)

    def fail(self, kind: str) -> None:
        """Note an error in the stream, where the app itself reads the errors."""
        self.error_type = self.error_type or kind

    def give_up(self, error: Exception) -> None:
        """Add up no more chunks, because one chunk could not be read."""
        self.chunks = None
        report("reading a chunk", error)

    @guarded("ending a stream")
    def end(self, error: BaseException | None = None) -> None:
        """End the call, now: as an error, or because the stream was read to its end."""
        self.is_complete = self.is_complete or error is None
        self._end(error)

    def stop(self, error: BaseException) -> None:
        """End the call with what the client's generator raised: the end of the stream is an exception too."""
        if isinstance(error, StopIteration | StopAsyncIteration):
            self.end()
        elif isinstance(error, GeneratorExit):
            self.drop()
        else:
            self.end(error)

    @guarded("ending a closed stream")
    def close(self) -> None:
        """End the call because the app closes the stream, perhaps because of an exception of the app's own."""
        self._end(self._call.error_of_the_caller())

    @guarded("ending an open stream")
    def leave(self) -> None:
        """End the call, now, because nobody reads the stream any more: the process exits."""
        self._end(None)

    @guarded("ending a dropped stream")
    def drop(self) -> None:
        """End the call at the time of its last chunk: nobody can read on. Called by the garbage collector."""
        if self._end_once():
            self._call.telemetry.worker.submit_dropped(self._end_dropped)

    def leave_open(self) -> None:
        """End the reading without its call, which belongs to another process."""
        self._end_once()

    def _end(self, error: BaseException | None) -> None:
        # A library may fetch the next chunk in a task of its own, and cancel the task when the app has enough.
        if error is not None and self.times and _is_cancellation(error):
            error = None
        if self._end_once():
            self._call.end(self._outcome(error))

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
        response.error_type = self.error_type or response.error_type
        times = self.times
        return CallEnd(
            response=response,
            error=error,
            is_left=not self.is_complete,
            first_chunk_s=times[0] - self._call.started if times else None,
            chunk_times=times,
        )


class Dropped:
    """Ends a reading when nobody can continue it.

    Only the object that reads the stream refers to this one. When that object is freed, `__del__` drops the
    reading.
    """

    _reading: Reading | None = None

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def __del__(self) -> None:
        if self._reading is not None:
            self._reading.drop()


def has_open_streams() -> bool:
    """Return True if streams are open."""
    return bool(_open)


def end_open_streams() -> None:
    """End the streams that are still open: the process exits."""
    for reading in _open_readings():
        reading.leave()


@guarded("forking")
def leave_open_streams_to_the_parent() -> None:
    """Never end the streams that were open when this process was forked: their calls belong to the parent."""
    for reading in _open_readings():
        reading.leave_open()


def _is_cancellation(error: BaseException) -> bool:
    """Return True for the exception by which asyncio or trio cancels a task."""
    return not isinstance(error, Exception) and type(error).__name__ in {"CancelledError", "Cancelled"}


def _nothing() -> None:
    pass


def _open_readings() -> list[Reading]:
    # a copy made in one step, because other threads may open streams
    readings = [reference() for reference in tuple(_open.values())]
    return [reading for reading in readings if reading is not None]


_open: Final[dict[int, weakref.ref[Reading]]] = {}
