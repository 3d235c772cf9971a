"""What one of several processes knows of the one that started it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Final

PROCESS_VARIABLE: Final = "OTEL_LLM_PROCESS"
"""The environment variable that says to a process which of several it is, from 0."""

_STDIN: Final = 0


def process_index(environment: Mapping[str, str]) -> int | None:
    """Return which of several processes this is, from 0; None for one that nobody of ours has started."""
    text = environment.get(PROCESS_VARIABLE, "")
    return int(text) if text.isdecimal() else None


def watch_parent(on_gone: Callable[[], None]) -> None:
    """Call `on_gone`, in the running event loop, once the parent is gone, however it went.

    The parent holds the other end of this process's stdin and never writes: the system closes it when it dies.
    """
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(_STDIN, 4096):
            loop.remove_reader(_STDIN)
            on_gone()

    loop.add_reader(_STDIN, readable)
