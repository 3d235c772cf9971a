"""A thread that does what the app need not wait for: metrics, prices, streams that nobody closed."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from otel_llm.instrument.guard import report

_BACKLOG_LIMIT: Final = 4_096  # tasks; beyond it the app's own thread works, so that memory stays bounded
_EXIT_FLUSH_S: Final = 3.0

Task = Callable[[], None]


class Worker:
    """Runs tasks in order on one daemon thread, which starts with the first of them."""

    def __init__(self) -> None:
        # put() is reentrant: a stream may be dropped by the garbage collector inside any call, even this one
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()
        self._has_calls = False
        self._exiting = False
        self._registered = False
        self._on_exit: list[Task] = []
        # a child process gets a copy of the queue but not the thread; the parent's thread does those tasks
        after_fork_in_child(self._reset)

    def prepare(self, task: Task) -> None:
        """Run a task that no exit waits for, such as the import of prices."""
        self._start()
        self._tasks.put(task)

    def submit(self, task: Task) -> None:
        """Run a call's task soon; on this thread when the backlog is full or the process exits."""
        if self._exiting or self._tasks.qsize() >= _BACKLOG_LIMIT:
            _run(task)
        else:
            self.submit_dropped(task)

    def submit_dropped(self, task: Task) -> None:
        """Run a task soon, never on this thread: the garbage collector called, and any lock may be held here."""
        self._has_calls = True
        self._start()
        self._tasks.put(task)

    def flush(self, timeout_s: float) -> bool:
        """Return once the calls' tasks submitted so far are done: False if that took longer than the timeout."""
        if not self._has_calls:
            return True
        done = threading.Event()
        self._tasks.put(done.set)
        return done.wait(timeout_s)

    def at_exit(self, task: Task) -> None:
        """Run a task when the process exits, before the last flush."""
        self._on_exit.append(task)

    def _start(self) -> None:
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                # Now, not at import: exit handlers run last in, first out, and the SDK, which must still be up
                # when this one runs, has normally been set up by the time of the first call. A child process
                # inherits it.
                if not self._registered:
                    atexit.register(self._exit)
                    self._registered = True
                self._thread = threading.Thread(target=self._work, name="otel-llm", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            _run(self._tasks.get())

    def _exit(self) -> None:
        for task in self._on_exit:
            _run(task)
        self.flush(_EXIT_FLUSH_S)
        self._exiting = True

    def _reset(self) -> None:
        self._tasks = SimpleQueue()
        self._thread = None
        self._starting = threading.RLock()
        self._has_calls = False


def after_fork_in_child(task: Task) -> None:
    """Run the task in each child process that is forked from now on; there are none on Windows."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=task)


def let_others_run() -> None:
    """Give up the interpreter lock, in a long task, for a thread of the app that waits for it."""
    time.sleep(0)


def _run(task: Task) -> None:
    try:
        task()
    except Exception as error:
        report("recording a call", error)
