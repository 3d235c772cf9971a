"""Jobs of one batch: one for each evaluator, several at once if there are threads for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import Final

_LOOK_S: Final = 0.5
"""Seconds after which a wait is begun again. A signal that comes just before a wait does not end it."""


class JobPool:
    """Runs the jobs of one batch after another.

    With one thread, jobs run in the caller's thread, in order. With several, they run in a pool of that many
    threads, started at the first batch. `run` is called by one thread at a time, and returns when no job is
    running any more; so there are never more jobs at work than threads. Any thread may call `close`, which is for
    ever.
    """

    def __init__(self, threads: int) -> None:
        self._closed = False
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="evaluators") if threads > 1 else None

    def run(self, jobs: Sequence[Callable[[], None]], *, abandon: Callable[[], None]) -> None:
        """Run the jobs, each once.

        If a job raises, or Ctrl-C comes, a pool of several threads calls `abandon` and waits for the jobs at work.

        Raises:
            CancelledError: the pool was closed, before or meanwhile.
        """
        if self._pool is None:
            for job in jobs:
                job()
            return
        started: list[Future[None]] = []
        try:
            for job in jobs:
                started.append(self._submit(self._pool, job))
            for each in started:
                _await(each)
        except BaseException:  # Ctrl-C: an evaluator must not be at two batches at once
            abandon()
            wait([each for each in started if not each.cancel()])
            raise

    def _submit(self, pool: ThreadPoolExecutor, job: Callable[[], None]) -> Future[None]:
        try:
            return pool.submit(job)
        except RuntimeError as error:
            if self._closed:  # while the jobs were handed over: the pool takes no more
                raise CancelledError from error
            raise

    def close(self) -> None:
        """Give up the jobs that no thread has begun."""
        self._closed = True
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _await(job: Future[None]) -> None:
    """Wait for the job; raise what it raised."""
    while not job.done():
        wait([job], _LOOK_S)
    job.result()
