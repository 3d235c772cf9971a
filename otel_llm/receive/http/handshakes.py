"""TLS handshakes that fail, in the log: asyncio drops such a connection without a word."""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from otel_llm.receive.refusal_log import RefusalLog
from otel_llm.receive.tls import HttpTls

_failed: Final[ContextVar[Callable[[ssl.SSLError], None]]] = ContextVar("failed")


class Listener:
    """A bound socket to listen on with TLS. Looks like a socket to asyncio; used in the event loop."""

    def __init__(self, sock: socket.socket, tls: HttpTls) -> None:
        """Log the failed handshakes of `tls`, whose connections must all come from this socket."""
        tls.context.sslobject_class = _Handshake
        self._sock = sock
        self._tls = tls
        self._refusals = RefusalLog()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection and its remote address."""
        connection, address = self._sock.accept()
        self._tls.renew()
        # asyncio starts the connection's own tasks next, in a copy of this context
        _failed.set(functools.partial(self._note, address[0]))
        return connection, address

    def _note(self, host: str, error: ssl.SSLError) -> None:
        self._refusals.note("tls_handshake", "http", None, f"{host}: {error}")


class _Handshake(ssl.SSLObject):
    """The handshake as asyncio runs it. It sees why a handshake fails, but not the remote address."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            _failed.get()(error)
            raise
