"""A child process and its parent: the number of the child, and when the parent is gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Final

PROCESS_VARIABLE: Final = "OTEL_LLM_PROCESS"
"""Environment variable with the number of a child process, from 0."""

_STDIN: Final = 0


def process_index(environment: Mapping[str, str]) -> int | None:
    """Return the number of this child process, from 0; None for a process that no parent of ours started."""
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
