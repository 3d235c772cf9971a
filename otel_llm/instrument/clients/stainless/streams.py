"""The stream objects of Stainless' clients: `Stream` and `AsyncStream`, each with the response that it reads."""

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
    # kept: a class of pydantic takes 2 µs to say that it has no such method, at each call
    return hasattr(kind, "__stream__")


def streamed(stream: Any, *, given: Any) -> Streamed:
    """Return how a stream is read; the app is given `given`: the stream, or a response that holds it."""

    def give(reader: Any) -> Any:
        stream._iterator = reader
        return given

    return Streamed(_chunks_without_cycle(stream), give, functools.partial(listen, stream.response))


def _chunks_without_cycle(stream: Any) -> Any:
    """Return the stream's chunk generator, made anew on a copy of the stream.

    The client's generator holds the stream that holds the generator (openai, and anthropic before 1.17). Such a
    stream that is dropped, as by `break` and the function's return, is freed by the cyclic garbage collector
    alone, perhaps minutes later, and its span would end no sooner.
    """
    twin = object.__new__(type(stream))
    twin.__dict__.update(stream.__dict__)
    twin.__dict__["_iterator"] = None
    return type(stream).__stream__(twin)
