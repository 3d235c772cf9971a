"""Ports: taken ones are reported with the option that changes them."""

from __future__ import annotations

import errno
import socket

from otel_llm.errors import PortTakenError


def bind(host: str, port: int, option: str) -> socket.socket:
    """Return a TCP socket bound to the port, for a server to listen on; port 0 takes any free one.

    Raises:
        PortTakenError: the port is in use; the message names `option`, such as "--grpc-port".
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            reason = "is taken" if error.errno == errno.EADDRINUSE else "may not be opened by this user"
            raise PortTakenError(
                f"port {port} on {host} {reason}: choose another with {option} (0: any free one)"
            ) from error
        raise
    return sock


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free now, for a server that cannot be handed a socket."""
    with bind(host, 0, "") as sock:
        port: int = sock.getsockname()[1]
        return port
