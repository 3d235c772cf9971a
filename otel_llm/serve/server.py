"""The HTTP server that runs the application until it is stopped."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

_STOP_AFTER_S = 3
_MESSAGE_BYTES = 16 << 20  # the reference of the Realtime API allows 15 MiB of audio in one event


def run(app: ASGIApp, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve on a bound socket until SIGINT or SIGTERM; call `ready` once the server listens.

    After the signal, answers in progress have three seconds left.
    """
    with contextlib.suppress(KeyboardInterrupt):
        create_server(app, ready).run([sock])


def create_server(app: ASGIApp, ready: Callable[[], None]) -> uvicorn.Server:
    """Return the server; `should_exit = True` stops it."""
    logging.getLogger("uvicorn.error").addFilter(_not_cut_on_purpose)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="websockets-sansio",
        ws_max_size=_MESSAGE_BYTES,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_AFTER_S,
    )
    return _Server(config, ready)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _not_cut_on_purpose(record: logging.LogRecord) -> bool:
    """Drop uvicorn's message about an incomplete response: the script asks for such responses."""
    return "returned without completing response" not in record.getMessage()
