"""Sending a response: as server-sent events, or as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Send

from otel_llm.serve.http.api_error import ApiError


class EventStream:
    """A body of server-sent events: not started, started by the first event, ended."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            **headers,
        }
        self.started = False
        """True if the status was sent: it can no longer report an error."""

    async def start(self) -> None:
        """Send status and headers, once."""
        if not self.started:
            self.started = True
            await send_head(self._send, self._headers)

    async def event(self, data: Mapping[str, Any], name: str | None = None) -> None:
        """Send an event with JSON data."""
        head = f"event: {name}\n" if name else ""
        await self._write(f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode(), more=True)

    async def end(self, last: bytes = b"") -> None:
        """End the body."""
        await self._write(last, more=False)

    async def _write(self, body: bytes, *, more: bool) -> None:
        await self.start()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


class ChunkStream:
    """Server-sent events of chunks with `choices`, as chat and text completions have them."""

    def __init__(
        self, send: Send, headers: Mapping[str, str], common: Mapping[str, Any], *, include_usage: bool
    ) -> None:
        """Send `common` with each chunk, and usage in a chunk at the end if `include_usage`."""
        self._events = EventStream(send, headers)
        self._common = common
        self._include_usage = include_usage

    async def start(self) -> None:
        """Send status and headers, once."""
        await self._events.start()

    async def chunk(self, choice: Mapping[str, Any]) -> None:
        """Send a chunk with one choice."""
        usage = {"usage": None} if self._include_usage else {}
        await self._events.event({**self._common, "choices": [choice], **usage})

    async def finish(self, usage: Mapping[str, Any]) -> None:
        """Send the usage chunk, if asked for, and the end of the stream."""
        if self._include_usage:
            await self._events.event({**self._common, "choices": [], "usage": usage})
        await self._events.end(b"data: [DONE]\n\n")

    async def fail(self, error: ApiError) -> None:
        """Send the error as an event, and end without [DONE].

        Raises:
            ApiError: the response has not started, so that its status can report the error.
        """
        if not self._events.started:
            raise error
        await self._events.event(error.body)
        await self._events.end()


async def send_object(send: Send, headers: Mapping[str, str], data: Mapping[str, Any], *, whole: bool) -> None:
    """Send a JSON object; unless `whole`, only half of its bytes."""
    body = json.dumps(data).encode()
    await send_head(send, {"content-type": "application/json", **headers, "content-length": str(len(body))})
    sent = body if whole else body[: len(body) // 2]
    await send({"type": "http.response.body", "body": sent, "more_body": not whole})


async def send_head(send: Send, headers: Mapping[str, str]) -> None:
    """Send status and headers of a response."""
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": raw})
