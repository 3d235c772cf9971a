"""A thread for work that may hang: the caller stops waiting, and the thread is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")
_Jobs = SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]


class WorkError(Exception):
    """The work failed; `error` is the exception that it raised."""

    def __init__(self, error: BaseException) -> None:
        """Keep the work's exception, or a TimeoutError for work that did not end in time."""
        super().__init__(error)
        self.error = error


class LateError(WorkError):
    """The work did not end in time."""


class DisposableThread:
    """Runs one piece of work at a time on a thread of its own, which is replaced if the work does not end in time.

    Python cannot stop a thread. A late thread goes on with its work, maybe for ever, and counts as `hanging` until
    the work ends; the next work starts a new thread. Threads are daemons, so that none keeps the process from
    ending.

    States: no thread (at the start, after late work), idle, at work, closed (for ever). `run` is called by one
    thread at a time; any thread may call `cancel` and `close`. The number of late threads is not bounded here: the
    caller looks at `hanging` first.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._jobs: _Jobs | None = None
        self._current: Future[Any] | None = None
        self._late: list[Future[Any]] = []
        self._closed = False

    @property
    def hanging(self) -> int:
        """Number of late threads that are still at work."""
        self._late = [done for done in self._late if not done.done()]
        return len(self._late)

    def run(self, work: Callable[[], _T], timeout_s: float) -> _T:
        """Return what the work returns.

        Raises:
            WorkError: the work raised an exception.
            LateError: the work did not end in time.
            CancelledError: the thread was closed before, or `cancel` or `close` was called during the work.
        """
        try:
            done = self._begin(work)
            error = done.exception(timeout_s)
        except TimeoutError as late:
            self._late.append(done)
            self._leave()
            raise LateError(late) from None
        except BaseException:  # Ctrl-C: the next work must not wait behind this one
            self._leave()
            raise
        if error is not None:
            raise WorkError(error)
        return done.result()

    def cancel(self) -> None:
        """End the waiting for the current work: `run` raises CancelledError in its caller's thread."""
        with self._lock:
            if self._current:
                self._current.cancel()

    def close(self) -> None:
        """Cancel the waiting, let the thread end after its work, and take no more work."""
        with self._lock:
            self._closed = True
        self.cancel()
        self._leave()

    def _begin(self, work: Callable[[], _T]) -> Future[_T]:
        with self._lock:
            if self._closed:
                raise CancelledError
            if self._jobs is None:
                self._jobs = SimpleQueue()
                threading.Thread(target=_serve, args=(self._jobs,), name=self._name, daemon=True).start()
            done: Future[_T] = Future()
            self._current = done
            self._jobs.put((done, work))
            return done

    def _leave(self) -> None:
        """Let the thread end after its work; the next work starts a new one."""
        with self._lock:
            if self._jobs:
                self._jobs.put(None)
            self._jobs = self._current = None


def _serve(jobs: _Jobs) -> None:
    while job := jobs.get():
        done, work = job
        with suppress(InvalidStateError):  # cancelled: nobody waits for the result
            try:
                result = work()
            except BaseException as error:  # SystemExit too: the waiting caller must learn of every exception
                done.set_exception(error)
            else:
                done.set_result(result)
                del result
        del job, done, work  # else the call that they hold would stay in memory until the next work comes
