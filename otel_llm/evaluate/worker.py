"""A thread that runs what may hang, so that the one who waits can give up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")


class WorkError(Exception):
    """The work failed."""

    def __init__(self, error: BaseException) -> None:
        """Keep what it raised, or a TimeoutError where it did not end in time."""
        super().__init__(error)
        self.error = error


class Worker:
    """Runs one piece of work at a time on a thread of its own, started when it is first needed.

    A thread cannot be stopped from outside. After work that did not end in time the worker is stuck until that
    ends by itself, which may be never; the thread is a daemon, so that it keeps no process from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._last: Future[Any] | None = None

    @property
    def stuck(self) -> bool:
        """Whether it is still at work that was given up."""
        return self._last is not None and not self._last.done()

    def run(self, work: Callable[[], _T], timeout_s: float) -> _T:
        """Return what the work returns. Not while the worker is stuck.

        Raises:
            WorkError: it raised something, or did not end in time.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        done: Future[_T] = Future()
        self._last = done
        self._queue.put((done, work))
        try:
            error = done.exception(timeout_s)
        except TimeoutError as late:
            error = late
        if error is not None:
            raise WorkError(error)
        return done.result()

    def close(self) -> None:
        """Let the thread end once it has nothing to do."""
        if self._thread:
            self._queue.put(None)

    def _serve(self) -> None:
        while job := self._queue.get():
            done, work = job
            try:
                done.set_result(work())
            except BaseException as error:  # SystemExit too: whoever waits must learn of it
                done.set_exception(error)
            del job, done, work  # what they hold must not live on until the next work comes
