"""Evaluation results as the span annotations of Phoenix, made from their log records.

Source: `POST /v1/span_annotations` of the OpenAPI document of Phoenix 20.26.1.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_llm import errors as ours
from otel_llm import names

_RESULT: Final = {
    names.EVALUATION_SCORE_LABEL: "label",
    names.EVALUATION_SCORE_VALUE: "score",
    names.EVALUATION_EXPLANATION: "explanation",
}
_OF_THE_ANNOTATION: Final = {*_RESULT, names.EVALUATION_NAME, names.EVALUATION_ID}


def read_results(body: bytes) -> ExportLogsServiceRequest:
    """Return the request with the log records of results alone.

    Raises:
        DecodeError: the body is no such request.
    """
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise ours.DecodeError(f"not an ExportLogsServiceRequest: {error}") from error
    return _only(request, lambda record: record.event_name == names.EVENT_EVALUATION_RESULT)


def annotations_of(request: ExportLogsServiceRequest) -> list[dict[str, Any]]:
    """Return one annotation for each result."""
    return [_annotation(record) for record in records(request)]


def records(request: ExportLogsServiceRequest) -> list[LogRecord]:
    """Return all log records of a request."""
    return [
        each for resource in request.resource_logs for scope in resource.scope_logs for each in scope.log_records
    ]


def without_spans(request: ExportLogsServiceRequest, span_ids: Container[str]) -> ExportLogsServiceRequest:
    """Return the request without the results of these spans."""
    return _only(request, lambda record: record.span_id.hex() not in span_ids)


def of_spans(request: ExportLogsServiceRequest, span_ids: Container[str]) -> ExportLogsServiceRequest:
    """Return the request with the results of these spans alone."""
    return _only(request, lambda record: record.span_id.hex() in span_ids)


def _only(request: ExportLogsServiceRequest, keeps: Callable[[LogRecord], bool]) -> ExportLogsServiceRequest:
    kept = ExportLogsServiceRequest()
    kept.CopyFrom(request)
    for resource in kept.resource_logs:
        for scope in resource.scope_logs:
            for index in reversed(range(len(scope.log_records))):
                if not keeps(scope.log_records[index]):
                    del scope.log_records[index]
    return kept


def _annotation(record: LogRecord) -> dict[str, Any]:
    said = {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value")), None) for pair in record.attributes}
    return {
        "span_id": record.span_id.hex(),
        # a page of Phoenix sums up annotations by their name: the input's results are not the output's
        "name": f"{said.get(names.EVALUATION_NAME)}.{said.get(names.EVALUATION_TARGET)}",
        "annotator_kind": "CODE",
        "result": {key: said[name] for name, key in _RESULT.items() if name in said},
        "metadata": {name: value for name, value in said.items() if name not in _OF_THE_ANNOTATION},
        "identifier": said.get(names.EVALUATION_ID, ""),  # the same result again replaces itself
    }
