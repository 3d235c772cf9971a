"""Verdicts as attributes of the span that was evaluated, for backends that have no log records to join with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm import names
from otel_llm.evaluate.definition.result import Result
from otel_llm.otlp.span import parse_span

_MARKER: Final = names.EVALUATION_ID.encode()


def enriched(span: bytes, results: Sequence[Result]) -> bytes:
    """Return the span with the results' labels and scores as attributes; one that has such already stays as it is.

    Explanations are left out, as they quote what was said. `otel_llm.evaluation.id` lists the ids of the results,
    which are those of their events: from them one sees which versions judged.
    """
    if not results or _is_enriched(span):
        return span
    added = Span()
    for result in results:
        _add_verdict(added, result)
    ids = added.attributes.add(key=names.EVALUATION_ID).value.array_value
    for result in results:
        ids.values.add(string_value=result.id)
    # protobuf reads messages that follow each other as one: what is in `span` is not even looked at
    return span + added.SerializeToString()


def _add_verdict(span: Span, result: Result) -> None:
    # a prefix per evaluator and target, as a span has one value of each name: the conventions' attributes
    # gen_ai.evaluation.* are for one verdict
    prefix = f"{names.SPAN_EVALUATION_PREFIX}{result.evaluator}.{result.target}"
    span.attributes.add(key=f"{prefix}.label").value.string_value = result.label
    if result.score is not None:
        span.attributes.add(key=f"{prefix}.score").value.double_value = result.score


def _is_enriched(span: bytes) -> bool:
    if _MARKER not in span:  # what is said in a call may hold the name too: only then the span is read
        return False
    # by the reader's schema: a span that it takes, such as one whose name is no UTF-8, must not fail here
    return names.EVALUATION_ID in parse_span(span).attributes
