"""The connection of a realtime session: messages in both directions, one event each."""

from __future__ import annotations

import json
import secrets
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

# RFC 6455, section 7.4.1
_UNACCEPTABLE: Final = 1003  # the client sent data of an unsupported kind
_BROKEN: Final = 1011  # the server cannot go on


class Connection:
    """An accepted WebSocket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str:
        """Return the next message.

        Raises:
            WebSocketDisconnect: the client disconnected, or was disconnected for a message that is no text.
        """
        message = await self._websocket.receive()
        if (text := message.get("text")) is not None:
            return str(text)
        if message["type"] == "websocket.receive":
            await self._close(_UNACCEPTABLE, "an event must be sent as text, got a binary message")
        raise WebSocketDisconnect(message.get("code", _UNACCEPTABLE))

    async def emit(self, kind: str, **fields: Any) -> None:
        """Send an event.

        Raises:
            WebSocketDisconnect: the connection is closed.
        """
        if not self._is_open:
            raise WebSocketDisconnect(_BROKEN)
        await self._websocket.send_text(
            json.dumps({"type": kind, "event_id": f"event_{secrets.token_hex(10)}", **fields})
        )

    async def break_off(self) -> None:
        """Close the connection in the middle of a response."""
        await self._close(_BROKEN, "the script breaks the connection here")

    @property
    def _is_open(self) -> bool:
        return self._websocket.application_state is not WebSocketState.DISCONNECTED

    async def _close(self, code: int, reason: str) -> None:
        if self._is_open:
            await self._websocket.close(code, reason)
