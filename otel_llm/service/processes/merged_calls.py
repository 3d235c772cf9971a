"""The live feeds of several processes as one stream of lines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from weakref import WeakSet

import httpx
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from otel_llm.report.live_feed import Subscription
from otel_llm.service.processes.child_process import ChildProcess

_PATH: Final = "/debug/calls"
_CONNECT_S: Final = 2
_AGAIN_S: Final = 0.2
"""Seconds until a feed that ended is asked for again: its process is ending, or is dead already."""


class MergedCalls:
    """Every evaluated call of every process, for any number of readers. Used in the event loop."""

    def __init__(self, processes: Sequence[ChildProcess]) -> None:
        """Read nothing until `stream` is called."""
        self._processes = processes
        self._subscriptions: WeakSet[Subscription] = WeakSet()

    async def stream(self) -> StreamingResponse:
        """Return a response that follows the processes, also those that are started again.

        The response begins once the feeds of all processes that serve now have begun: a reader that has seen its
        head misses no call.
        """
        subscription = Subscription()
        self._subscriptions.add(subscription)
        begun = [asyncio.Event() for _ in self._processes]
        readers = [
            asyncio.create_task(_follow(process, subscription, event))
            for process, event in zip(self._processes, begun, strict=True)
        ]
        serving = [
            event.wait() for process, event in zip(self._processes, begun, strict=True) if process.telemetry
        ]
        try:
            async with asyncio.timeout(_CONNECT_S):
                await asyncio.gather(*serving)
        except TimeoutError:
            pass  # the feed of a process that does not answer yet joins later
        return _Response(subscription, readers)

    def end(self) -> None:
        """End every stream once its lines are read."""
        for subscription in self._subscriptions:
            subscription.end()


class _Response(StreamingResponse):
    """Stops reading the feeds when the response's own reader is gone."""

    def __init__(self, subscription: Subscription, readers: Sequence[asyncio.Task[None]]) -> None:
        super().__init__(aiter(subscription), media_type="application/x-ndjson")
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            for reader in self._readers:
                reader.cancel()


async def _follow(process: ChildProcess, subscription: Subscription, begun: asyncio.Event) -> None:
    # no limit on silence: nobody may call a model for hours
    timeout = httpx.Timeout(_CONNECT_S, read=None)
    async with httpx.AsyncClient(trust_env=False, timeout=timeout) as client:
        while True:
            await process.ready.wait()
            try:
                async with client.stream("GET", f"{process.telemetry}{_PATH}") as answer:
                    begun.set()
                    if answer.is_success:
                        await _copy(answer, subscription)
            except httpx.HTTPError:
                begun.set()  # the process has just died: its next life is followed
            await asyncio.sleep(_AGAIN_S)


async def _copy(answer: httpx.Response, subscription: Subscription) -> None:
    """Add whole lines: those of two processes must not end up in each other."""
    rest = b""
    async for chunk in answer.aiter_raw():
        *lines, rest = (rest + chunk).split(b"\n")
        subscription.add(line + b"\n" for line in lines)
