"""Ports of servers. An error about a taken port names the option that changes the port."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from typing import Final

from otel_llm.errors import ConfigError, PortTakenError

_TAKEN = {errno.EADDRINUSE: "is taken", errno.EACCES: "may not be opened by this user"}

_BELOW_CONNECTIONS: Final = range(20_000, 32_768)
"""Ports that the system gives to no connection. Ports of connections begin at 32768 on Linux, else at 49152."""
_TRIES: Final = 100


def bind(host: str, port: int, option: str, *, reuse_port: bool = False) -> socket.socket:
    """Return a TCP socket that holds the port, for a server to serve on; port 0 takes any free one.

    The socket listens already: a port that is only bound could be bound once more, and the second server would
    fail later, with an error that names no option. Clients that connect before the server serves wait.

    With `reuse_port`, other processes of this user may bind the port too, with the same option. The socket then
    does not listen until a server does: the system would give the socket connections that nobody accepts.

    Raises:
        PortTakenError: the port is in use; the message names `option`, such as "--grpc-port".
        ConfigError: the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
        if not reuse_port:
            sock.listen()
    except OSError as error:
        sock.close()
        if error.errno in _TAKEN:
            raise PortTakenError(
                f"port {port} on {host} {_TAKEN[error.errno]}: choose another with {option} (0: any free one)"
            ) from error
        raise ConfigError(
            f"host must be an address of this machine, got {host!r} ({error.strerror}): give one with --host"
        ) from error
    return sock


def address(host: str, port: int) -> str:
    """Return host:port, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind_free(host: str) -> socket.socket:
    """Return a socket on a free port, for a server that is told the port and binds it some seconds later.

    Until then the port must stay free. The system may give a port of its own choice to any connection meanwhile,
    and Linux then refuses to bind that port for a minute after the connection's end.
    """
    for port in random.SystemRandom().sample(_BELOW_CONNECTIONS, _TRIES):
        with contextlib.suppress(PortTakenError):
            return bind(host, port, "")
    return bind(host, 0, "")


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free now, for a server that cannot be handed a socket."""
    with bind_free(host) as sock:
        port: int = sock.getsockname()[1]
        return port
