"""A list of stages: started one after the other, stopped in the reverse order, within a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Generic, ParamSpec, Self, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_LAST_S: Final = 1.0
"""Seconds that each of the last steps may take: requests under way, and events at the very end."""
_LAST_SHARE: Final = 0.25
"""Share of the whole time that each of the last steps may take at most."""

_log: Final = logging.getLogger(__name__)


class Deadline:
    """The time that is left to stop. Used in the event loop."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        """Seconds from `start` on."""
        self.last_s = min(_LAST_S, timeout_s * _LAST_SHARE)
        """Seconds kept for each of the last steps."""
        self._end_s: float | None = None

    def start(self) -> None:
        """Start the clock."""
        self._end_s = asyncio.get_running_loop().time() + self.timeout_s

    def left_s(self) -> float:
        """Return the seconds that are left; 0 before `start`: then the service did not come up."""
        if self._end_s is None:
            return 0.0
        return max(0.0, self._end_s - asyncio.get_running_loop().time())


@dataclass(frozen=True, slots=True)
class Stage(Generic[T]):
    """A part of the service that starts and stops as a whole."""

    name: str
    """Name in the log."""
    run: AbstractAsyncContextManager[T]
    """Entering starts the stage and returns what later stages use; leaving drains and stops the stage."""


def stage(name: str) -> Callable[[Callable[P, AsyncIterator[T]]], Callable[P, Stage[T]]]:
    """Return a decorator of asynchronous generators: start, `yield` what later stages use, `finally` stop."""

    def decorate(function: Callable[P, AsyncIterator[T]]) -> Callable[P, Stage[T]]:
        context = contextlib.asynccontextmanager(function)

        @functools.wraps(function)
        def make(*args: P.args, **kwargs: P.kwargs) -> Stage[T]:
            return Stage(name, context(*args, **kwargs))

        return make

    return decorate


class Stages:
    """The stages that were started. Used in the event loop.

    The states of the service:

        starting --all stages started--> ready --leave--> draining --all stages stopped--> stopped
            |                                                                                ^
            +--a stage fails to start: the stages before it stop-----------------------------+

    A stage that fails to start cleans up after itself. Each started stage is stopped, whatever happens to others.
    """

    def __init__(self) -> None:
        self._stack = contextlib.AsyncExitStack()

    async def start(self, stage: Stage[T]) -> T:
        """Start a stage, and return what later stages use."""
        started = await self._stack.enter_async_context(stage.run)
        self._stack.callback(_log.debug, "stopping: %s", stage.name)
        _log.debug("started: %s", stage.name)
        return started

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the stages, the last one first."""
        await self._stack.aclose()
