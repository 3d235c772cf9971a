"""An ASGI application under uvicorn, inside an event loop that is not uvicorn's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from otel_llm.config.receive import TlsSettings
from otel_llm.receive.http.handshakes import Listener
from otel_llm.receive.tls import HttpTls

_PLAIN: Final = TlsSettings()
_IDLE_S: Final = 120
"""Seconds until a silent connection is closed: senders export every 5 or 60 s, and close it after 90 s."""
_HEAD_S: Final = 30
"""Seconds that the head of a request has to arrive, from the connection or from its own first byte on."""


class AsgiServer:
    """Serves one application on a bound socket. Used in the event loop.

        made --start--> listening --stop--> stopped

    At the end, requests under way have `timeout_s` to finish.
    """

    def __init__(self, app: Any, sock: socket.socket, *, timeout_s: float, tls: TlsSettings = _PLAIN) -> None:
        """Listen later: see `start`.

        Raises:
            ConfigError: a file of `tls` cannot be used.
        """
        config = uvicorn.Config(
            app,
            lifespan="off",
            http=_Protocol,  # uvicorn would choose by the packages that are installed
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=timeout_s,  # type: ignore[arg-type]  # any number: asyncio has the timer
            timeout_keep_alive=_IDLE_S,
        )
        config.load()
        self._sock: Any = sock
        if tls.cert_file:
            certificates = HttpTls(tls)
            config.ssl = certificates.context
            self._sock = Listener(sock, certificates)
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once the server listens."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.005)
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Take no more requests; return when the requests under way are done or out of time."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._sock.close()


class _Protocol(H11Protocol):
    """Closes a connection on which no request begins: uvicorn's own timer starts only after the first answer."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget_head()

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(_HEAD_S, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # signals belong to the service: two servers in one process would take them from each other
        yield
