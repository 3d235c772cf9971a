"""The plan of a request: the calls to evaluate, and the documents and content for other calls of its traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otel_llm.errors import DecodeError
from otel_llm.evaluate.run.selection import Selection
from otel_llm.genai.decode import is_genai, peek_status
from otel_llm.genai.operations import Kind
from otel_llm.otlp.queued import QueuedRequest
from otel_llm.report.client_metrics import ClientMetrics
from otel_llm.service.flow.losses import Losses, NotEvaluated
from otel_llm.service.flow.pending_call import PendingCall
from otel_llm.service.flow.recent_spans import RecentSpans
from otel_llm.service.flow.request_reader import GenAiSpan, RequestReader
from otel_llm.service.flow.trace_store import TraceStore, trace_key

_REASONS: Final[Mapping[Kind, NotEvaluated]] = {
    "context": "documents",
    "other": "other_operation",
    "unknown": "unknown_operation",
}


class Planner:
    """Finds the calls of a request that are to be evaluated: new ones that the settings select.

    Documents and content of each request go to the trace store on the way, and derived metrics are recorded. Used
    by the thread that takes records. Exceptions: any thread may call `concerns`, and the event loop replaces
    `selection` at a reload.
    """

    def __init__(
        self,
        *,
        reader: RequestReader,
        store: TraceStore[PendingCall],
        recent: RecentSpans,
        selection: Selection,
        losses: Losses,
        client_metrics: ClientMetrics | None,
        first_sequence: int,
    ) -> None:
        """Plan requests.

        Args:
            reader: reads requests and reports what cannot be read.
            store: gets documents and content.
            recent: tells new spans from repeats.
            selection: the rules by which evaluators see calls.
            losses: counts what is not evaluated.
            client_metrics: metrics to derive from calls; None derives none.
            first_sequence: sequence number of the first record of this process. Records below it were left over.
        """
        self._reader = reader
        self._store = store
        self._recent = recent
        self.selection = selection
        """The rules by which evaluators see calls; may be replaced at any time."""
        self._losses = losses
        self._client_metrics = client_metrics
        self._first_sequence = first_sequence

    def concerns(self, span: bytes) -> bool:
        """Return True if a serialized Span may be of GenAI and is not sampled out.

        Of a trace that is sampled out, only failed calls are of concern, and no documents.
        """
        if self.selection.samples and self._client_metrics is None and self._is_left_out(span):
            return False
        return is_genai(span)

    def calls(self, sequence: int, request: QueuedRequest) -> list[PendingCall]:
        """Return the calls of a request of traces that are to be evaluated."""
        if self.selection.is_empty and self._client_metrics is None:
            return []
        spans = self._reader.spans(request, self.concerns)
        for span in spans:  # first: the documents of a request may come after the answer that uses them
            self._keep_documents(request, span)
        return [call for span in spans if (call := self._call(sequence, request, span))]

    def keep_content(self, request: QueuedRequest) -> None:
        """Keep the content of a request of logs for the spans that it belongs to."""
        for event in self._reader.events(request):
            self._store.add_event(trace_key(request.tenant, event.trace_id), event)
            self._losses.note("log_record", event.problems)

    def remember(self, request: QueuedRequest) -> None:
        """Know the spans, documents and content of a request that an earlier process was done with."""
        if request.signal == "traces":
            for span in self._reader.spans(request):
                self._recent.remember(span.outline.trace_id, span.outline.span_id, request.tenant)
                self._keep_documents(request, span)
        elif request.signal == "logs":
            self.keep_content(request)
        self._reader.forget()

    def _is_left_out(self, span: bytes) -> bool:
        try:
            trace_id, failed = peek_status(span)
        except DecodeError:  # the reader of the whole span reports what is wrong with it
            return False
        return self.selection.leaves_out(trace_id, failed=failed)

    def _keep_documents(self, request: QueuedRequest, span: GenAiSpan) -> None:
        """Keep the documents of a retrieval or a tool for the calls of its trace."""
        if span.outline.kind == "context":
            trace = trace_key(request.tenant, span.outline.trace_id)
            self._store.add_documents(trace, self._reader.documents(span))

    def _call(self, sequence: int, request: QueuedRequest, span: GenAiSpan) -> PendingCall | None:
        """Return the call of a span; None if it is not evaluated, which is counted."""
        found = self._call_or_loss(sequence, request, span)
        if isinstance(found, PendingCall):
            return found
        self._losses.count(span.outline.operation, found)
        return None

    def _call_or_loss(self, sequence: int, request: QueuedRequest, span: GenAiSpan) -> PendingCall | NotEvaluated:
        outline = span.outline
        if outline.kind != "call":
            return _REASONS[outline.kind]
        left_over = sequence < self._first_sequence
        is_new = self._recent.is_new(outline.trace_id, outline.span_id, request.tenant, left_over=left_over)
        if not is_new and not request.replayed:
            return "repeated"
        selected = self._selected(span)
        if not selected and self._client_metrics is None:
            return "not_selected"
        call = self._reader.call(span)
        if call is None:
            return "unreadable"
        self._losses.note(outline.dialect, call.problems)
        if self._client_metrics:
            self._client_metrics.record(call)
        if not selected:
            return "not_selected"
        return PendingCall(
            call=call,
            selected=selected,
            sequence=sequence,
            tenant=request.tenant,
            span_index=span.index,
            size=len(span.span),
            is_complete=outline.has_content or outline.failed,
        )

    def _selected(self, span: GenAiSpan) -> frozenset[str]:
        outline = span.outline
        return self.selection.of(
            trace_id=outline.trace_id,
            service=span.service,
            operation=outline.operation,
            model=outline.request_model,
            provider=outline.provider,
            failed=outline.failed,
        )
