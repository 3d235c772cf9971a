"""A thread for work that the app need not wait for: metrics, prices, streams that nobody closed."""

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

_BACKLOG_LIMIT: Final = 4_096  # tasks that wait; a further task runs on the app's own thread: memory stays bounded
_GATHER_S: Final = 0.05  # tasks are gathered: to wake the thread costs the app more than to hand over a task
_BUSY: Final = 4  # tasks gathered; after so many or more, the thread waits for further tasks before it sleeps
_EXIT_FLUSH_S: Final = 3.0
_FORK_WAIT_S: Final = 2.0  # more than any task takes; the longest task is the import of prices

Task = Callable[..., Any]


class BackgroundWorker:
    """Runs tasks in order on one thread.

    States: no thread; working; asleep; exiting. The first task starts the thread. Any thread may submit tasks, the
    garbage collector may do so inside any call. At most `_BACKLOG_LIMIT` tasks wait. The exit of the process waits
    `_EXIT_FLUSH_S` for the calls' tasks, and never for the thread. A forked child starts without a thread.
    """

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
        """Threads that hold `_working` because they fork."""
        self._has_calls = False
        self._exiting = False
        self._registered = False
        self._on_exit: list[Task] = []
        self._after_exit: list[Task] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._pause, after_in_parent=self._go_on, after_in_child=self._reset)

    @property
    def is_running(self) -> bool:
        """True if the thread has started, or if the process exits and needs no thread."""
        return self._bell is not None or self._exiting

    def prepare(self, task: Task, *args: Any) -> None:
        """Run a task for which no exit waits, such as the import of prices."""
        self._hand_over(task, args)

    def submit(self, task: Task, *args: Any) -> None:
        """Run a call's task soon; on the calling thread if the backlog is full or the process exits."""
        if self._exiting or len(self._tasks) >= _BACKLOG_LIMIT:
            _run(task, args)
        else:
            self._has_calls = True
            self._tasks.append((task, args))
            if not self._awake:
                self._wake()

    def submit_dropped(self, task: Task, *args: Any) -> None:
        """Run a task soon, never on the calling thread: the garbage collector calls, perhaps under a lock."""
        self._has_calls = True
        self._hand_over(task, args)

    def flush(self, timeout_s: float) -> bool:
        """Return True when the calls' tasks submitted so far are done; False after the timeout."""
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
            self._awake = self._bell is not None  # otherwise the next task tries again

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.put(True)

    def _start(self) -> None:
        if self._bell is not None:
            return
        with self._starting:
            if self._bell is None:
                # Registered now, not at import: exit handlers run last in, first out. The SDK must still be up
                # when this handler runs, and has normally been set up before the first call. A child process
                # inherits the handler.
                if not self._registered:
                    atexit.register(self._exit)
                    self._registered = True
                # `_thread`'s names, which gevent may have patched by now. Not threading.Thread, whose start()
                # waits for the thread: under gevent all other greenlets run meanwhile. If one of them forks, as
                # the openai client does to ask for the platform, a half started thread breaks the child.
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
                bell.get(timeout=_GATHER_S)  # not empty: a thread waits for a flush
            is_busy = self._drain(working)

    def _drain(self, working: threading.Lock) -> bool:
        """Return True if so many tasks came that this thread looks for the next tasks without being woken."""
        done = 0
        while True:
            while self._tasks:
                task, args = self._tasks.popleft()
                with working:
                    _run(task, args)
                del task, args  # objects of this call must not stay alive until the next task comes
                done += 1
            if done >= _BUSY:
                return True
            self._awake = False
            # a task that came between the last look and the line above has not woken this thread
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
        """Wait, before a fork, for the running task: its locks, as of an import, would stay in the child."""
        if self._working is not None and self._working.acquire(timeout=_FORK_WAIT_S):
            self._forking.add(threading.get_ident())

    def _go_on(self) -> None:
        if self._working is not None and threading.get_ident() in self._forking:
            self._forking.discard(threading.get_ident())
            self._working.release()

    def _reset(self) -> None:
        # a child process gets a copy of the tasks, but no thread; the parent's thread runs these tasks
        self._working = None
        self._forking = set()
        self._tasks = deque()
        self._bell = None
        self._awake = False
        self._starting = threading.RLock()
        self._has_calls = False


def after_fork_in_child(task: Callable[[], None]) -> None:
    """Run the task in each child process that is forked from now on. Windows has no forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=task)


def let_others_run() -> None:
    """Give up the interpreter lock, in a long task, to a thread of the app that waits for the lock."""
    time.sleep(0)


def _run(task: Task, args: tuple[Any, ...]) -> None:
    try:
        task(*args)
    except Exception as error:
        report("recording a call", error)
