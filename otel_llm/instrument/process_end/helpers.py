"""Threads that run tasks beside a caller, who waits no longer than a timeout."""

from __future__ import annotations

import _thread
import queue
import time
from collections.abc import Callable, Sequence

from otel_llm.instrument.guard import report

Task = Callable[[], object]


class Started:
    """A task that has started. Any number of threads may wait for it, also one whose wait a signal interrupted."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._is_done = False
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def run(self) -> None:
        """Run the task. A failure is reported."""
        try:
            self._task()
        except Exception as error:
            report("delivering telemetry", error)
        finally:
            self._is_done = True
            self._lock.release()

    def wait(self, timeout_s: float) -> bool:
        """Return True when the task is done; False after the timeout."""
        # a handler that interrupts this between its two steps finds that the task is done
        if not self._is_done and self._lock.acquire(timeout=max(0.0, timeout_s)):
            self._lock.release()
        return self._is_done


class Helpers:
    """Runs tasks on threads of their own.

    No thread can start once the exit handlers run, from Python 3.12 on: `prepare` starts threads before that. Raw
    locks instead of events, because a signal handler may interrupt a thread that waits here, and wait here itself.
    """

    def __init__(self) -> None:
        self._idle: list[queue.SimpleQueue[Started]] = []
        """The inboxes of threads that wait for a task."""

    def prepare(self, count: int) -> None:
        """Start threads for later tasks, if threads can start now."""
        try:
            for _ in range(count - len(self._idle)):
                inbox: queue.SimpleQueue[Started] = queue.SimpleQueue()
                _thread.start_new_thread(self._work, (inbox,))
                self._idle.append(inbox)
        except RuntimeError:  # the process is at its limit of threads, or ends: tasks run on the caller's thread
            return

    def start(self, task: Task) -> Started:
        """Start a task; where no thread can start, run the task."""
        started = Started(task)
        self.prepare(1)
        try:
            inbox = self._idle.pop()
        except IndexError:
            started.run()
        else:
            inbox.put(started)
        return started

    def run(self, tasks: Sequence[Task], timeout_s: float) -> bool:
        """Run tasks side by side. Return True when all are done; False after the timeout."""
        until = time.monotonic() + timeout_s
        started = [self.start(task) for task in tasks]
        return all(each.wait(until - time.monotonic()) for each in started)

    def forget(self) -> None:
        """Forget the threads: a forked child has none of them."""
        self._idle = []

    def _work(self, inbox: queue.SimpleQueue[Started]) -> None:
        while True:
            inbox.get().run()
            self._idle.append(inbox)
