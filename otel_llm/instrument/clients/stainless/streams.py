"""The stream objects of Stainless' clients, `Stream` and `AsyncStream`, each with its response."""

from __future__ import annotations

import functools
from typing import Any

from otel_llm.instrument.contract.results import Streamed
from otel_llm.instrument.lifecycle.httpx_tap import listen


def is_stream(result: Any) -> bool:
    """Return True if a result is one of the client's streams."""
    kind: Any = type(result)
    return _is_stream_class(kind)


@functools.lru_cache(256)
def _is_stream_class(kind: Any) -> bool:
    # cached: a class of pydantic takes 2 µs to answer that it lacks a method, at each call
    return hasattr(kind, "__stream__")


def streamed(stream: Any, *, given: Any) -> Streamed:
    """Return the stream for watching. The app gets `given`: the stream, or a response that holds the stream."""

    def give(reader: Any) -> Any:
        stream._iterator = reader
        return given

    return Streamed(_chunks_without_cycle(stream), give, functools.partial(listen, stream.response))


def _chunks_without_cycle(stream: Any) -> Any:
    """Return a new chunk generator of the stream, made on a copy of the stream.

    The client's generator holds the stream, which holds the generator (openai, and anthropic before 1.17). If the
    app drops such a stream, as by `break` and the function's return, only the cyclic garbage collector frees it,
    perhaps minutes later, and the span would end no sooner.
    """
    twin = object.__new__(type(stream))
    twin.__dict__.update(stream.__dict__)
    twin.__dict__["_iterator"] = None
    return type(stream).__stream__(twin)
