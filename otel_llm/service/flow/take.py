"""The thread that takes records from the queue: when there is room, and suspects one by one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from otel_llm.errors import QueueError
from otel_llm.evaluate.run.batcher import Batcher
from otel_llm.queue.base import Queue, Record
from otel_llm.queue.memory import MemoryQueue
from otel_llm.service.flow.handle import RecordHandler
from otel_llm.service.flow.join import CallJoiner
from otel_llm.service.flow.modes import Mode
from otel_llm.service.flow.pending_call import PendingCall

_SUSPECT_ATTEMPTS: Final = 2
"""Number of processes that died with a record, after which the record is worked on alone: it may be the cause."""
_ALONE_S: Final = 10.0
"""Seconds that the other records wait for one that is worked on alone, at most."""
_LOOK_S: Final = 0.2
"""Seconds after which the thread looks again if there is no record, or no room."""

_log: Final = logging.getLogger(__name__)


class Consumer:
    """Takes records in the queue's order, and waits for no evaluation.

        starting --start--> taking --drain--> draining --stop--> stopped

    starting: reads the queue's history, before receivers start. taking: calls may wait for content in log records.
    draining: no new records come; calls wait only until the queue is empty. stopped: the calls that still wait are
    submitted, and the thread ends. The event loop's threads call `start`, `drain` and `stop`; all else runs in the
    thread. Records under way are bounded by the room of the mode: calls in bytes, or bytes for the next receiver.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        mode: Mode,
        handler: RecordHandler,
        joiner: CallJoiner,
        batcher: Batcher[PendingCall],
        clock: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._mode = mode
        self._handler = handler
        self._joiner = joiner
        self._batcher = batcher
        self._clock = clock
        self._stopping = threading.Event()
        self._draining = False
        self.thread = threading.Thread(target=self._run, name="consume", daemon=True)

    def start(self) -> None:
        """Read the records that were settled before a restart, which takes long, and start the thread."""
        self._handler.remember(self._queue.recent())
        self.thread.start()

    def drain(self) -> None:
        """Let no call wait for its content once the queue is empty: no more records will come."""
        self._draining = True

    def stop(self, timeout_s: float) -> None:
        """Take no more records, and end the thread. Calls that wait for their content are submitted without it."""
        self._stopping.set()
        self.thread.join(max(0.0, timeout_s))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:  # the thread must outlive whatever is wrong with one record: those after it wait
                _log.exception("what was taken from the queue last could not be worked on, and stays in it")
                self._stopping.wait(_LOOK_S)
        self._joiner.submit_all()
        if isinstance(self._queue, MemoryQueue):  # a durable record comes again, and waits for its results then
            self._mode.forward_all()

    def _turn(self) -> None:
        if self._mode.wait_for_room(self._patience_s()):
            record = self._take()
            if record is None:
                if self._draining:
                    self._joiner.submit_all()
            elif record.attempts >= _SUSPECT_ATTEMPTS:
                self._begin_alone(record)
            else:
                self._handler.begin(record, alone=False)
        self._work_due()

    def _take(self) -> Record | None:
        try:
            return self._queue.take(self._patience_s(), self._mode.held_tenants())
        except QueueError as error:  # the disk fails; records that it can still read are taken
            _log.error("%s", error)
            return None

    def _patience_s(self) -> float:
        return min(_LOOK_S, self._mode.next_due_s(), self._joiner.next_due_s())

    def _work_due(self) -> None:
        """Forward and submit what has waited long enough."""
        self._mode.forward_due()
        self._joiner.submit_due()

    def _begin_alone(self, record: Record) -> None:
        """Begin a record that earlier processes may have died of, while no other one is evaluated."""
        _log.warning("record %d is worked on alone: %d processes died with it", record.sequence, record.attempts)
        self._wait_for_evaluators()
        self._handler.begin(record, alone=True)
        self._wait_for_evaluators()

    def _wait_for_evaluators(self) -> None:
        """Wait until all submitted calls are evaluated, for at most ten seconds."""
        until_s = self._clock() + _ALONE_S
        while self._clock() < until_s and not self._stopping.is_set():
            if self._batcher.flush(self._patience_s()):
                return
            self._work_due()
