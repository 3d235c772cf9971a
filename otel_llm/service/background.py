"""Functions that take long, in a thread beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_background(name: str, function: Callable[[], T]) -> T:
    """Return the result of a function that runs in a thread named `name`.

    Unlike a thread of asyncio, it does not hold up the end of the process.
    """
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # the thread needs a place for its result, also if the task is cancelled

    def run() -> None:
        try:
            done.set_result(function())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await asyncio.wrap_future(done)
