"""A thread for work that the app need not wait for: metrics, prices, streams that nobody closed."""

from __future__ import annotations

import _thread
import contextlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from otel_llm.instrument.guard import report, report_no_thread

_BACKLOG_LIMIT: Final = 4_096  # tasks that wait; a further task runs on the app's own thread: memory stays bounded
_GATHER_S: Final = 0.05  # tasks are gathered: to wake the thread costs the app more than to hand over a task
_BUSY: Final = 4  # tasks gathered; after so many or more, the thread waits for further tasks before it sleeps
_IDLE_S: Final = 1.0  # between the last task and `on_idle`
_FORK_WAIT_S: Final = 2.0  # more than any task takes; the longest task is the import of prices

Task = Callable[..., Any]


class BackgroundWorker:
    """Runs tasks in order on one thread.

    States: no thread; working; asleep; exiting. The first task starts the thread. Any thread may submit tasks, the
    garbage collector may do so inside any call. At most `_BACKLOG_LIMIT` tasks wait. The end of the process waits
    for the calls' tasks, as `process_end` says, and never for the thread. A forked child starts without a thread.
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
        self._has_undelivered = False
        self.is_exiting = False
        """True once the exit handlers run: tasks then run on the calling thread."""
        self.on_start: Callable[[], object] | None = None
        """Run by the first call of this process, on the app's thread."""
        self.on_idle: Callable[[], object] | None = None
        """Run on the thread when it has been idle for `_IDLE_S` after a call."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._pause, after_in_parent=self._go_on, after_in_child=self._reset)

    @property
    def is_running(self) -> bool:
        """True if the thread has started, or if the process exits and needs no thread."""
        return self._bell is not None or self.is_exiting

    def prepare(self, task: Task, *args: Any) -> None:
        """Run a task for which no exit waits, such as the import of prices."""
        if not self.is_exiting or self._bell is not None:
            self._hand_over(task, args)

    def submit(self, task: Task, *args: Any) -> None:
        """Run a call's task soon; on the calling thread if the backlog is full or the process exits."""
        self._has_undelivered = True
        if self.is_exiting or len(self._tasks) >= _BACKLOG_LIMIT:
            _run(task, args)
        else:
            self._has_calls = True
            self._tasks.append((task, args))
            if not self._awake:
                self._wake()

    def submit_dropped(self, task: Task, *args: Any) -> None:
        """Run a task soon, never on the calling thread: the garbage collector calls, perhaps under a lock."""
        self._has_calls = self._has_undelivered = True
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

    def take_undelivered(self) -> bool:
        """Return True if calls have ended since this was last asked. Perhaps they have not been exported."""
        has, self._has_undelivered = self._has_undelivered, False
        return has

    def work_off(self) -> None:
        """Run the waiting tasks on the calling thread: this thread is busy for too long."""
        with contextlib.suppress(IndexError):
            while True:
                task, args = self._tasks.popleft()
                _run(task, args)

    def exits(self) -> None:
        """Run tasks on the calling thread from now on: the exit handlers run, and none waits for this thread."""
        self.is_exiting = True
        self.work_off()

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
            report_no_thread(error)
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
                # `_thread`'s names, which gevent may have patched by now. Not threading.Thread, whose start()
                # waits for the thread: under gevent all other greenlets run meanwhile. If one of them forks, as
                # the openai client does to ask for the platform, a half started thread breaks the child.
                bell: queue.SimpleQueue[bool] = queue.SimpleQueue()
                self._working = threading.Lock()
                _thread.start_new_thread(self._work, (bell, self._working))
                self._bell = bell
                if self.on_start is not None:
                    _run(self.on_start, ())

    def _work(self, bell: queue.SimpleQueue[bool], working: threading.Lock) -> None:
        is_busy = False
        while True:
            if not is_busy:
                self._rest(bell)
            with contextlib.suppress(queue.Empty):
                bell.get(timeout=_GATHER_S)  # not empty: a thread waits for a flush
            is_busy = self._drain(working)

    def _rest(self, bell: queue.SimpleQueue[bool]) -> None:
        """Wait for the bell."""
        if self.on_idle is not None and self._has_undelivered:
            try:
                bell.get(timeout=_IDLE_S)
            except queue.Empty:
                _run(self.on_idle, ())
            else:
                return
        bell.get()

    def _drain(self, working: threading.Lock) -> bool:
        """Return True if so many tasks came that this thread looks for the next tasks without being woken."""
        done = 0
        while True:
            while self._tasks:
                try:
                    task, args = self._tasks.popleft()
                except IndexError:  # `work_off` took it
                    break
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
        self._has_calls = self._has_undelivered = False


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
