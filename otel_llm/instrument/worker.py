"""A thread that does what the app need not wait for: metrics, prices, streams that nobody closed."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from otel_llm.instrument.guard import report

_BACKLOG_LIMIT: Final = 4_096  # tasks; beyond it the app's own thread works, so that memory stays bounded
_GATHER_S: Final = 0.05  # waking the thread costs the app more than handing it a task, so tasks are gathered
_BUSY: Final = 4  # tasks gathered; after as many the thread waits for more before it sleeps
_EXIT_FLUSH_S: Final = 3.0
_FORK_WAIT_S: Final = 2.0  # more than any task takes; the longest is the import of prices

Task = Callable[..., Any]


class BackgroundWorker:
    """Runs tasks in order on one thread, which starts with the first of them and which no exit waits for."""

    def __init__(self) -> None:
        # Handing over a task is reentrant, as deque.append() and SimpleQueue.put() are: a stream may be dropped by
        # the garbage collector inside any call, even this one.
        self._tasks: deque[tuple[Task, tuple[Any, ...]]] = deque()
        self._bell: queue.SimpleQueue[bool] | None = None
        self._awake = False
        self._starting = threading.RLock()
        self._working: threading.Lock | None = None
        """Held while a task runs."""
        self._forking: set[int] = set()
        """Threads that hold it because they fork."""
        self._has_calls = False
        self._exiting = False
        self._registered = False
        self._on_exit: list[Task] = []
        self._after_exit: list[Task] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._pause, after_in_parent=self._go_on, after_in_child=self._reset)

    @property
    def is_running(self) -> bool:
        """True if the thread has started, or is not needed as the process exits."""
        return self._bell is not None or self._exiting

    def prepare(self, task: Task, *args: Any) -> None:
        """Run a task that no exit waits for, such as the import of prices."""
        self._hand_over(task, args)

    def submit(self, task: Task, *args: Any) -> None:
        """Run a call's task soon; on this thread when the backlog is full or the process exits."""
        if self._exiting or len(self._tasks) >= _BACKLOG_LIMIT:
            _run(task, args)
        else:
            self._has_calls = True
            self._tasks.append((task, args))
            if not self._awake:
                self._wake()

    def submit_dropped(self, task: Task, *args: Any) -> None:
        """Run a task soon, never on this thread: the garbage collector called, and any lock may be held here."""
        self._has_calls = True
        self._hand_over(task, args)

    def flush(self, timeout_s: float) -> bool:
        """Return once the calls' tasks submitted so far are done: False if that took longer than the timeout."""
        if not self._has_calls:
            return True
        if self._bell is None and not self._tasks:
            return True
        done = threading.Event()
        self._hand_over(done.set, ())
        self._ring()
        return done.wait(timeout_s)

    def at_exit(self, task: Task) -> None:
        """Run a task when the process exits, before the last flush."""
        self._on_exit.append(task)

    def after_exit(self, task: Task) -> None:
        """Run a task when the process exits, after the last flush."""
        self._after_exit.append(task)

    def _hand_over(self, task: Task, args: tuple[Any, ...]) -> None:
        self._tasks.append((task, args))
        if not self._awake:
            self._wake()

    def _wake(self) -> None:
        self._awake = True
        try:
            self._start()
            self._ring()
        except RuntimeError as error:  # no thread can be started: the process is at its limit, or ends
            report("starting a thread", error)
        finally:
            self._awake = self._bell is not None  # else the next task tries again

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.put(True)

    def _start(self) -> None:
        if self._bell is not None:
            return
        with self._starting:
            if self._bell is None:
                # Now, not at import: exit handlers run last in, first out, and the SDK, which must still be up
                # when this one runs, has normally been set up by the time of the first call. A child process
                # inherits it.
                if not self._registered:
                    atexit.register(self._exit)
                    self._registered = True
                # By the names that gevent has patched by now, if it patches at all. Not threading.Thread, whose
                # start() waits for the thread: under gevent all others run meanwhile, and when one of them forks,
                # as the openai client does to ask for the platform, a thread half started breaks the child.
                bell: queue.SimpleQueue[bool] = queue.SimpleQueue()
                self._working = threading.Lock()
                _thread.start_new_thread(self._work, (bell, self._working))
                self._bell = bell

    def _work(self, bell: queue.SimpleQueue[bool], working: threading.Lock) -> None:
        is_busy = False
        while True:
            if not is_busy:
                bell.get()
            with contextlib.suppress(queue.Empty):
                bell.get(timeout=_GATHER_S)  # not empty: somebody waits for a flush
            is_busy = self._drain(working)

    def _drain(self, working: threading.Lock) -> bool:
        """Return True if so many tasks came that nobody needs to ring for the next ones."""
        done = 0
        while True:
            while self._tasks:
                task, args = self._tasks.popleft()
                with working:
                    _run(task, args)
                del task, args  # what a call leads to must not wait here for the next one
                done += 1
            if done >= _BUSY:
                return True
            self._awake = False
            # whoever came between the last look and that line has not rung
            if not self._tasks:
                return False
            self._awake = True

    def _exit(self) -> None:
        for task in self._on_exit:
            _run(task, ())
        self.flush(_EXIT_FLUSH_S)
        self._exiting = True
        for task in self._after_exit:
            _run(task, ())

    def _pause(self) -> None:
        """Wait, before a fork, for the task that runs: what it has locked, as an import, stays so in the child."""
        if self._working is not None and self._working.acquire(timeout=_FORK_WAIT_S):
            self._forking.add(threading.get_ident())

    def _go_on(self) -> None:
        if self._working is not None and threading.get_ident() in self._forking:
            self._forking.discard(threading.get_ident())
            self._working.release()

    def _reset(self) -> None:
        # a child process gets a copy of the tasks but not the thread; the parent's thread does those
        self._working = None
        self._forking = set()
        self._tasks = deque()
        self._bell = None
        self._awake = False
        self._starting = threading.RLock()
        self._has_calls = False


def after_fork_in_child(task: Callable[[], None]) -> None:
    """Run the task in each child process that is forked from now on; there are none on Windows."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=task)


def let_others_run() -> None:
    """Give up the interpreter lock, in a long task, for a thread of the app that waits for it."""
    time.sleep(0)


def _run(task: Task, args: tuple[Any, ...]) -> None:
    try:
        task(*args)
    except Exception as error:
        report("recording a call", error)
