"""Ports that only the processes of one service listen on."""

from __future__ import annotations

import socket

from otel_llm.ports import bind


def reserve(host: str, port: int, option: str) -> socket.socket:
    """Return a socket that keeps the port for this process and its children; port 0 takes any free one.

    The socket does not listen, so that the system gives connections to the children alone.

    Raises:
        PortTakenError: the port is in use, be it by a service that would share it; the message names `option`.
        ConfigError: the host is no address of this machine.
    """
    # at first without sharing: another service that shares the port would otherwise share it with us silently
    with bind(host, port, option) as alone:
        family, address = alone.family, alone.getsockname()
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        # without SO_REUSEADDR, so that no other process gets the port before the first child listens
        sock.bind(address)
    except OSError:
        sock.close()
        # without SO_REUSEADDR, connections of a service that has just ended keep the port for a minute
        return bind(host, address[1], option, reuse_port=True)
    return sock
