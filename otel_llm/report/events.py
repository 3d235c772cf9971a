"""Results as `gen_ai.evaluation.result` log records, each parented to the span that was evaluated."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_llm import __version__, names
from otel_llm.evaluate.result import Result

_EXPORT_DELAY_MS: Final = 200
_EXPORT_BATCH: Final = 256
_log = logging.getLogger(__name__)


class EventExporter:
    """Sends results over OTLP/HTTP from a thread of its own."""

    def __init__(self, endpoint: str, *, timeout_s: float, queue_size: int, explanations: bool) -> None:
        """Send to `endpoint`, a base URL such as "http://localhost:4318".

        Of more than `queue_size` records waiting, the oldest are dropped, and a warning is logged. Without
        `explanations`, nothing that is sent quotes a call's texts.
        """
        self._explanations = explanations
        self._provider = LoggerProvider(
            resource=Resource.create({names.SERVICE_NAME: "otel-llm", "service.version": __version__}),
            shutdown_on_exit=False,  # `close` does it, within a deadline
        )
        exporter = OTLPLogExporter(endpoint=f"{endpoint.rstrip('/')}/v1/logs", timeout=timeout_s)
        self._provider.add_log_record_processor(
            BatchLogRecordProcessor(
                exporter,
                schedule_delay_millis=_EXPORT_DELAY_MS,
                max_export_batch_size=min(_EXPORT_BATCH, queue_size),
                max_queue_size=queue_size,
            )
        )
        self._logger = self._provider.get_logger("otel_llm", __version__)

    def emit(self, results: Iterable[Result]) -> None:
        """Queue one record per result. Never blocks."""
        for result in results:
            self._logger.emit(
                context=_span_context(result),
                severity_number=SeverityNumber.INFO,
                event_name=names.EVENT_EVALUATION_RESULT,
                attributes=_attributes(result, explain=self._explanations),
            )

    def close(self, timeout_s: float) -> None:
        """Send what is queued, within the time; what is left after it is lost, and that is logged."""
        # The SDK's shutdown takes no deadline, and retries against a server that is down for as long as it likes.
        flush = threading.Thread(target=self._provider.shutdown, name="flush-events", daemon=True)
        flush.start()
        flush.join(max(0.0, timeout_s))
        if flush.is_alive():
            _log.warning("evaluation events were not all sent within %.1f s", timeout_s)


def _span_context(result: Result) -> Context:
    span = SpanContext(
        trace_id=int(result.call.trace_id, 16),
        span_id=int(result.call.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),  # it reached us, so it was
    )
    return set_span_in_context(NonRecordingSpan(span), Context())


def _attributes(result: Result, *, explain: bool) -> dict[str, str | float]:
    attributes = {
        names.EVALUATION_NAME: result.evaluator,
        names.EVALUATION_SCORE_LABEL: result.label,
        names.EVALUATION_SCORE_VALUE: result.score,
        names.EVALUATION_EXPLANATION: result.explanation if explain else None,
        names.EVALUATION_ID: result.id,
        names.EVALUATION_VERSION: result.version,
        names.EVALUATION_TARGET: result.target,
        names.RESPONSE_ID: result.call.response_id,
        names.ERROR_TYPE: result.error_type,
    }
    return {name: value for name, value in attributes.items() if value is not None}
