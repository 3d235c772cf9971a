"""A thread that runs what may hang, so that the one who waits can give up."""

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
    """The work failed."""

    def __init__(self, error: BaseException) -> None:
        """Keep what it raised, or a TimeoutError where it did not end in time."""
        super().__init__(error)
        self.error = error


class LateError(WorkError):
    """The work did not end in time."""


class Worker:
    """Runs one piece of work at a time on a thread of its own, started when it is first needed.

    A thread cannot be stopped from outside. Work that nobody waits for any more goes on, maybe for ever; the next
    work has a new thread. The threads are daemons, so that they keep no process from ending.
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
        """How many threads are still at work that did not end in time."""
        self._late = [done for done in self._late if not done.done()]
        return len(self._late)

    def run(self, work: Callable[[], _T], timeout_s: float) -> _T:
        """Return what the work returns.

        Raises:
            WorkError: it raised something, or as LateError did not end in time.
            CancelledError: the worker is closed, or was meanwhile.
        """
        try:
            done = self._begin(work)
            error = done.exception(timeout_s)
        except TimeoutError as late:
            self._late.append(done)
            self._leave()
            raise LateError(late) from None
        except BaseException:  # Ctrl-C: whoever comes next must not wait behind this work
            self._leave()
            raise
        if error is not None:
            raise WorkError(error)
        return done.result()

    def cancel(self) -> None:
        """Let whoever waits for work wait no longer: `run` raises CancelledError in its thread."""
        with self._lock:
            if self._current:
                self._current.cancel()

    def close(self) -> None:
        """Cancel, let the thread end once it has nothing to do, and take no more work."""
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
        """Let the thread end after its work."""
        with self._lock:
            if self._jobs:
                self._jobs.put(None)
            self._jobs = self._current = None


def _serve(jobs: _Jobs) -> None:
    while job := jobs.get():
        done, work = job
        with suppress(InvalidStateError):  # cancelled: nobody waits for it
            try:
                result = work()
            except BaseException as error:  # SystemExit too: whoever waits must learn of it
                done.set_exception(error)
            else:
                done.set_result(result)
                del result
        del job, done, work  # what they hold must not live on until the next work comes
