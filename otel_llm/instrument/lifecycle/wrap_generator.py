"""Stand-ins for generator functions: the first `next` sends the request, not the call of the function.

The recorded call begins at the first `next`. Its context is current only while the client works on the next chunk,
because the app's own code runs between two chunks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.call import CallEnd, LiveCall
from otel_llm.instrument.lifecycle.generators import forward
from otel_llm.instrument.lifecycle.reading import Dropped, Reading
from otel_llm.instrument.lifecycle.steps import begin, enter, leave
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedClient
from otel_llm.instrument.lifecycle.watch import start_reading
from otel_llm.instrument.lifecycle.wrap import Method
from otel_llm.instrument.scope.baggage import baggage_withheld


def wrap_generator(original: Method, client: InstrumentedClient, telemetry: CallTelemetry) -> Method:
    """Return the stand-in for a method that returns a generator, whose request begins at the first `next`."""

    @functools.wraps(original)
    def stream(*args: Any, **kwargs: Any) -> Any:
        work = _Work(telemetry, client, args, kwargs)
        with work:
            inner = original(*args, **kwargs)
        return (yield from forward(inner, work))

    return stream


def wrap_async_generator(original: Method, client: InstrumentedClient, telemetry: CallTelemetry) -> Method:
    """Return the stand-in for a method that returns an asynchronous generator."""

    @functools.wraps(original)
    async def stream(*args: Any, **kwargs: Any) -> Any:
        work = _Work(telemetry, client, args, kwargs)
        with work:
            inner = original(*args, **kwargs)
        resume: Callable[[], Any] = inner.__anext__
        while True:
            try:
                with work:
                    chunk = await resume()
            except StopAsyncIteration:
                return
            finally:
                del resume  # an error that the app threw in refers to this frame: avoid a cycle
            work.add(chunk)
            try:
                sent = yield chunk
            except GeneratorExit:
                work.drop()
                await inner.aclose()
                raise
            except BaseException as error:
                resume = functools.partial(inner.athrow, error)
            else:
                resume = inner.__anext__ if sent is None else functools.partial(inner.asend, sent)

    return stream


class _Work:
    """The client's work for one stream, a context manager that is entered for each chunk.

    States: not begun; entered, while the client works; left, while the app works; ended. Inside, the call's
    context is the current context; if nothing is recorded, baggage is withheld from the provider. The call ends
    with its last chunk, with an error, or when nobody waits for the stream any more.
    """

    def __init__(
        self,
        telemetry: CallTelemetry,
        client: InstrumentedClient,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        self._call = begin(telemetry, client, args, kwargs)
        self._reading: Reading | None = None
        self._withheld: AbstractContextManager[None] | None = None
        if self._call is not None:
            leave(self._call)
            self._reading = _reading(self._call)
        self._dropped = None if self._reading is None else Dropped(self._reading)

    def __enter__(self) -> None:
        if self._call is not None:
            enter(self._call)
        else:
            self._withheld = baggage_withheld()
            self._withheld.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._call is not None:
            leave(self._call)
        elif self._withheld is not None:
            self._withheld.__exit__(kind, error, trace)
        if self._reading is not None and error is not None:
            self._reading.stop(error)

    def add(self, chunk: Any) -> None:
        """Add one chunk."""
        if self._reading is not None:
            self._reading.add(chunk)

    def drop(self) -> None:
        """End the call as of its last chunk: the app has left the stream."""
        if self._reading is not None:
            self._reading.drop()


@guarded("reading a stream")
def _reading(call: LiveCall) -> Reading:
    try:
        return start_reading(call)
    except Exception:
        call.end(CallEnd())
        raise
