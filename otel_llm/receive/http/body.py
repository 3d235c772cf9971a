"""The body of an HTTP request, read from ASGI chunk by chunk, up to a limit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from otel_llm.receive.in_flight import Hold
from otel_llm.receive.refusal import Reason, Refusal, too_large

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_DRAIN_S: Final = 5


class RequestBody:
    """A body that is still to be read. Holds at most `max_bytes`; used by the task of its request."""

    def __init__(self, receive: Receive, *, max_bytes: int, timeout_s: float) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self.complete = False
        """True once the whole body has come."""

    async def read(self, hold: Hold) -> bytes:
        """Return the whole body; `hold` grows with each chunk.

        Raises:
            Refusal: the body is too large, too slow or incomplete, or there is no room for it now.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._read(hold)
        except TimeoutError as error:
            raise Refusal(
                Reason.TOO_SLOW, f"the body must arrive within {self._timeout_s:g} s (receive.read_timeout_s)"
            ) from error

    async def drain(self) -> None:
        """Read the rest of the body and drop it: a sender that is still writing does not read the answer."""
        length = 0
        with contextlib.suppress(TimeoutError, Refusal):
            async with asyncio.timeout(_DRAIN_S):
                while not self.complete and length <= self._max_bytes:
                    length += len(await self._next())

    async def _read(self, hold: Hold) -> bytes:
        chunks, length = [], 0
        while not self.complete:
            chunk = await self._next()
            length += len(chunk)
            if length > self._max_bytes:
                raise too_large(self._max_bytes, "more")
            hold.resize(length)
            chunks.append(chunk)
        return b"".join(chunks)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Refusal(Reason.GONE, "the connection closed before the body was complete")
        self.complete = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
