"""Work on a thread that can be given up: what it returns or raises, and how waiting for it ends."""

import os
import signal
import threading
from concurrent.futures import CancelledError

import pytest
from moods import failing, fine

from otel_llm.evaluate.run.disposable_thread import DisposableThread, LateError, WorkError


def test_a_worker_gives_back_what_its_work_returns_or_raises():
    worker = DisposableThread("test")
    assert worker.run(lambda: 3, 20) == 3
    with pytest.raises(WorkError) as failed:
        worker.run(failing, 20)
    assert isinstance(failed.value.error, ZeroDivisionError)
    assert not worker.hanging
    worker.close()


def test_work_that_raises_a_timeout_of_its_own_is_not_given_up():
    worker = DisposableThread("test")

    def late():
        raise TimeoutError("of a server that it asked")

    with pytest.raises(WorkError, match="of a server") as failed:
        worker.run(late, 20)
    assert not isinstance(failed.value, LateError)
    assert not worker.hanging
    worker.close()


def test_a_closed_worker_ends_its_thread():
    worker = DisposableThread("test-closing")
    worker.run(fine, 20)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "test-closing")
    worker.close()
    thread.join(20)
    assert not thread.is_alive()


def test_after_ctrl_c_the_next_work_does_not_wait_for_what_was_given_up():
    worker, begun, release = DisposableThread("test"), threading.Event(), threading.Event()

    def interrupted():
        begun.set()
        os.kill(os.getpid(), signal.SIGINT)
        assert release.wait(20)

    with pytest.raises(KeyboardInterrupt):
        worker.run(interrupted, 20)
    assert begun.is_set()
    assert worker.run(lambda: 3, 20) == 3
    assert not worker.hanging
    release.set()
    worker.close()


def test_whoever_waits_for_a_worker_that_is_closed_is_told_at_once():
    worker, release = DisposableThread("test"), threading.Event()

    def closing():
        worker.close()
        assert release.wait(20)

    with pytest.raises(CancelledError):
        worker.run(closing, 20)
    with pytest.raises(CancelledError):
        worker.run(fine, 20)
    release.set()
