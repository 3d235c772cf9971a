"""Signals from the operator to the service, and the service's word to systemd."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Final

_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
SHELL_SIGNAL_CODE: Final = 128
"""Added to a signal's number, a shell's exit code for a process that the signal ended."""


def exit_now(number: int) -> None:
    """End the process at once, as the signal would; the queue's folder keeps its records."""
    os._exit(SHELL_SIGNAL_CODE + number)


def handle_signals(
    stop: Callable[[], None], reload: Callable[[], None], *, hurry: Callable[[int], None] = exit_now
) -> None:
    """In the running event loop, call `stop` on SIGTERM or SIGINT, `hurry` on a second one, `reload` on SIGHUP.

    A SIGHUP that was blocked until now counts as well.
    """
    loop = asyncio.get_running_loop()

    def begin() -> None:
        for number in _STOPPING:
            loop.add_signal_handler(number, hurry, number)
        stop()

    for number in _STOPPING:
        loop.add_signal_handler(number, begin)
    loop.add_signal_handler(signal.SIGHUP, reload)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def notify_ready(environment: Mapping[str, str]) -> None:
    """Tell systemd that the service has started, if systemd started it with Type=notify.

    Raises:
        OSError: NOTIFY_SOCKET is no socket.

    Source: sd_notify(3), "Notes".
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address[0] == "@":  # an abstract one
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.send(b"READY=1")
