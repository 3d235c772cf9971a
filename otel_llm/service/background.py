"""Work that takes long, beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_background(name: str, function: Callable[[], T]) -> T:
    """Return what a function returns, run in a thread of that name.

    Unlike a thread of asyncio, it does not hold up the end of the process.
    """
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # who waits may give up: the thread still has to put its result somewhere

    def run() -> None:
        try:
            done.set_result(function())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await asyncio.wrap_future(done)
