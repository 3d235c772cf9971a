"""Calls on their way to the evaluators, joined with the documents and the content of their traces."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from otel_llm.evaluate.run.batcher import Batcher
from otel_llm.genai.call import Call
from otel_llm.genai.decode import with_content, with_documents
from otel_llm.service.flow.losses import Losses
from otel_llm.service.flow.pending_call import PendingCall
from otel_llm.service.flow.trace_store import TraceStore, trace_key

_log: Final = logging.getLogger(__name__)


class CallJoiner:
    """Submits calls to the evaluators: complete ones at once, the others when their content has come or is late.

    Used by the thread that takes records. Never blocks: the batcher's bound is looked at before a record is taken.
    """

    def __init__(self, store: TraceStore[PendingCall], batcher: Batcher[PendingCall], losses: Losses) -> None:
        self._store = store
        self._batcher = batcher
        self._losses = losses

    def submit_or_wait(self, call: PendingCall, *, at_once: bool) -> None:
        """Submit a call once it is complete, or now if `at_once`."""
        trace, span_id = trace_key(call.tenant, call.call.trace_id), call.call.span_id
        if at_once or call.is_complete or self._store.is_complete(trace, span_id):
            self._submit(call)
        else:
            self._store.wait(trace, span_id, call, call.size)

    def submit_due(self) -> None:
        """Submit the calls whose content has come or is late."""
        self._submit_each(self._store.take_due())

    def submit_all(self) -> None:
        """Submit all calls that wait; later ones wait no longer."""
        self._submit_each(self._store.take_all())

    def next_due_s(self) -> float:
        """Return the seconds until the content of a call is late; infinite where none waits."""
        return self._store.next_due_s()

    def _submit_each(self, calls: Iterable[PendingCall]) -> None:
        for call in calls:
            self._submit(call)

    def _submit(self, call: PendingCall) -> None:
        try:
            call.call = self._joined(call.call, trace_key(call.tenant, call.call.trace_id))
        except Exception:  # a fault of ours: the calls behind this one are to be submitted too
            _log.exception("a call is evaluated without what else came of its trace")
        if not call.call.has_content:
            self._losses.count(call.call.operation, "no_content")
        self._batcher.submit(call, call.size)

    def _joined(self, call: Call, trace: str) -> Call:
        """Return the call with the content and documents of its trace."""
        if events := self._store.events(trace, call.span_id):
            call = with_content(call, events)
        if documents := self._store.documents(trace):
            call = with_documents(call, documents)
        return call
