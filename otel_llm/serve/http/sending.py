"""How a response leaves: as server-sent events, or as one object of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Send


class EventStream:
    """A body of server-sent events, begun with the first of them."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            **headers,
        }
        self.started = False
        """Whether the status is sent, so that an error can no longer be one."""

    async def start(self) -> None:
        """Send the head, once."""
        if not self.started:
            self.started = True
            await send_head(self._send, self._headers)

    async def event(self, data: Mapping[str, Any], name: str | None = None) -> None:
        """Send an event of JSON."""
        head = f"event: {name}\n" if name else ""
        await self._write(f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode(), more=True)

    async def end(self, last: bytes = b"") -> None:
        """End the body."""
        await self._write(last, more=False)

    async def _write(self, body: bytes, *, more: bool) -> None:
        await self.start()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


async def send_object(send: Send, headers: Mapping[str, str], data: Mapping[str, Any], *, whole: bool) -> None:
    """Send an object; unless `whole`, half of what the headers promise."""
    body = json.dumps(data).encode()
    await send_head(send, {"content-type": "application/json", **headers, "content-length": str(len(body))})
    sent = body if whole else body[: len(body) // 2]
    await send({"type": "http.response.body", "body": sent, "more_body": not whole})


async def send_head(send: Send, headers: Mapping[str, str]) -> None:
    """Begin a response."""
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": raw})
