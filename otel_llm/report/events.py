"""Evaluation results as OTLP log records, each with the ids of the evaluated span."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_llm import names
from otel_llm.evaluate.definition.result import Result
from otel_llm.version import __version__

_SAMPLED: Final = 1  # W3C trace flags: a span that arrived was sampled


def events_request(results: Iterable[Result], *, explanations: bool) -> bytes:
    """Return a serialized ExportLogsServiceRequest with one `gen_ai.evaluation.result` record per result.

    The body of a record is its result in words, for pages that list log records by their body. Without
    `explanations`, the request quotes no text of a call.
    """
    now_ns = time.time_ns()
    scope = InstrumentationScope(name="otel_llm", version=__version__)
    records = ScopeLogs(scope=scope, log_records=[_record(each, now_ns, explain=explanations) for each in results])
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=_resource(), scope_logs=[records])]
    ).SerializeToString()


def _resource() -> Resource:
    return Resource(attributes=[_pair(names.SERVICE_NAME, "otel-llm"), _pair("service.version", __version__)])


def _record(result: Result, now_ns: int, *, explain: bool) -> LogRecord:
    return LogRecord(
        time_unix_nano=now_ns,
        observed_time_unix_nano=now_ns,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        severity_text="INFO",
        event_name=names.EVENT_EVALUATION_RESULT,
        body=AnyValue(string_value=_in_words(result)),
        trace_id=bytes.fromhex(result.call.trace_id),
        span_id=bytes.fromhex(result.call.span_id),
        flags=_SAMPLED,
        attributes=_attributes(result, explain=explain),
    )


def _in_words(result: Result) -> str:
    detail = result.error_type if result.score is None else f"{result.score:.2f}"
    words = (f"{result.evaluator}.{result.target}", result.label.replace("_", " "), detail)
    return " ".join(word for word in words if word)


def _attributes(result: Result, *, explain: bool) -> Iterator[KeyValue]:
    attributes = {
        names.EVALUATION_NAME: result.evaluator,
        names.EVALUATION_SCORE_LABEL: result.label,
        names.EVALUATION_SCORE_VALUE: result.score,
        names.EVALUATION_EXPLANATION: result.explanation if explain else None,
        names.EVALUATION_READ: None if result.read is None else str(result.read),
        names.EVALUATION_ID: result.id,
        names.EVALUATION_VERSION: result.version,
        names.EVALUATION_TARGET: result.target,
        names.RESPONSE_ID: result.call.response_id,
        names.ERROR_TYPE: result.error_type,
    }
    return (_pair(name, value) for name, value in attributes.items() if value is not None)


def _pair(key: str, value: str | float) -> KeyValue:
    kind = AnyValue(string_value=value) if isinstance(value, str) else AnyValue(double_value=value)
    return KeyValue(key=key, value=kind)
