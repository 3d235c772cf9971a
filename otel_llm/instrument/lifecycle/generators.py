"""A generator that stands in for the client's own: what the app sends or throws reaches the client's generator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Protocol


class Steps(Protocol):
    """The steps of the client's generator: a context manager, inside of which the client works on a chunk."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record how a step ended. StopIteration is the end of the stream."""

    def add(self, chunk: Any) -> None:
        """Add one chunk. Must not raise."""

    def drop(self) -> None:
        """Record that the app has left the stream. Must not raise."""


def forward(inner: Generator[Any, Any, Any], steps: Steps) -> Generator[Any, Any, Any]:
    """Yield the chunks of the client's generator, and return its value."""
    resume: Callable[[], Any] = functools.partial(next, inner)
    while True:
        try:
            with steps:
                chunk = resume()
        except StopIteration as end:
            return end.value
        finally:
            del resume  # an error that the app threw in refers to this frame: avoid a cycle
        steps.add(chunk)
        try:
            sent = yield chunk
        except GeneratorExit:
            steps.drop()
            inner.close()
            raise
        except BaseException as error:
            resume = functools.partial(inner.throw, error)
        else:
            resume = functools.partial(next, inner) if sent is None else functools.partial(inner.send, sent)
