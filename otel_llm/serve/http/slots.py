"""Backpressure: a number of requests run, a number wait, and further requests are refused."""

from __future__ import annotations

import asyncio

from otel_llm.serve.http.api_error import ApiError


class Slots:
    """An asynchronous context manager that requests share, in the order of arrival.

        request ──▶ waiting ──▶ running ──▶ done
           └──── too many wait: status 429

    Used in the event loop alone.
    """

    def __init__(self, count: int, queue: int) -> None:
        self._free = asyncio.Semaphore(count)
        self._count = count
        self._queue = queue
        self._waiting = 0

    async def __aenter__(self) -> None:
        if self._free.locked() and self._waiting >= self._queue:
            raise ApiError(
                429,
                f"all {self._count} slots are busy and {self._waiting} requests wait already; try again later, "
                "or start the server with more --slots or a longer --queue",
                code="server_overloaded",
                headers={"Retry-After": "1"},
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._free.release()
