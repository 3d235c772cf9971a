"""One record: what is to be done with its request is begun, and none of it is waited for."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from otel_llm.errors import DecodeError
from otel_llm.otlp.queued import QueuedRequest, unpack
from otel_llm.queue.base import Record
from otel_llm.service.flow.join import CallJoiner
from otel_llm.service.flow.modes import Mode
from otel_llm.service.flow.open_records import RecordRefs
from otel_llm.service.flow.plan import Planner
from otel_llm.service.flow.request_reader import RequestReader

_MAX_ATTEMPTS: Final = 10
"""Number of processes that died with a record, after which the record is not evaluated any more."""

_log: Final = logging.getLogger(__name__)


class RecordHandler:
    """Begins records: plans the request, hands it to the mode, submits its calls. Used by one thread.

    Holds a reference of its own to the record until every part of the record has one. What is wrong with a record
    costs only that record: it becomes a dead letter, or stays open if another version of the service wrote it.
    """

    def __init__(
        self, *, refs: RecordRefs, reader: RequestReader, planner: Planner, mode: Mode, joiner: CallJoiner
    ) -> None:
        self._refs = refs
        self._reader = reader
        self._planner = planner
        self._mode = mode
        self._joiner = joiner

    def remember(self, payloads: Iterable[bytes]) -> None:
        """Know records settled before a restart: senders may repeat them, later records may need them."""
        for payload in payloads:
            try:
                request = unpack(payload)
            except DecodeError as error:  # another version of the service wrote and settled the record
                _log.warning("spans of before the restart may be evaluated again: %s", error)
                continue
            self._planner.remember(request)

    def begin(self, record: Record, *, alone: bool) -> None:
        """Begin a record; `alone`: its calls do not wait for log records, which are behind it in the queue."""
        sequence = record.sequence
        self._refs.acquire(sequence)
        try:
            request = unpack(record.payload)
        except DecodeError as error:  # another version of the service wrote the record: it stays for that version
            _log.error("record %d: %s", sequence, error)
            return
        try:
            if record.attempts >= _MAX_ATTEMPTS:
                self._abandon(sequence, request, f"{record.attempts} processes died while they had it")
            elif request.signal == "traces":
                self._begin_traces(sequence, request, alone=alone)
            else:
                if request.signal == "logs":
                    self._planner.keep_content(request)
                self._mode.begin_others(sequence, request)
        except Exception as error:  # the records behind this one must be taken, whatever is wrong with it
            self._give_up(sequence, request, error)
        finally:
            self._reader.report(request)
        self._refs.release([sequence])

    def _begin_traces(self, sequence: int, request: QueuedRequest, *, alone: bool) -> None:
        try:
            calls = self._planner.calls(sequence, request)
        except Exception as error:  # a fault of ours: inline, the request is forwarded all the same
            self._give_up(sequence, request, error)
            calls = []
        for call in self._mode.begin_traces(sequence, request, calls):
            self._refs.acquire(sequence)
            self._joiner.submit_or_wait(call, at_once=alone)

    def _abandon(self, sequence: int, request: QueuedRequest, reason: str) -> None:
        if request.signal != "metrics":
            self._reader.give_up(request, reason)
        self._mode.abandon(sequence, request, reason)

    def _give_up(self, sequence: int, request: QueuedRequest, error: Exception) -> None:
        _log.error("record %d could not be worked on", sequence, exc_info=error)
        self._reader.give_up(request, f"{type(error).__name__}: {error}")
