"""Results as attributes of the evaluated span, for backends that cannot join spans with log records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm import names
from otel_llm.evaluate.definition.result import Result
from otel_llm.otlp.span import parse_span

_MARKER: Final = names.EVALUATION_ID.encode()


def enriched(span: bytes, results: Sequence[Result]) -> bytes:
    """Return the span with labels and scores of the results as attributes; an enriched span is returned unchanged.

    Explanations are left out, since an explanation quotes the call; so are results that are not applicable.
    `otel_llm.evaluation.id` lists the ids of the results, which are also the ids of their events: the events name
    the versions of the evaluators. The list is empty if no result is applicable.
    """
    if not results or _is_enriched(span):
        return span
    applicable = [result for result in results if result.label != "not_applicable"]
    added = Span()
    for result in applicable:
        _add_result(added, result)
    ids = added.attributes.add(key=names.EVALUATION_ID).value.array_value
    ids.SetInParent()  # an empty list is a value, too
    for result in applicable:
        ids.values.add(string_value=result.id)
    # protobuf reads concatenated messages as one, so that `span` need not be parsed
    return span + added.SerializeToString()


def _add_result(span: Span, result: Result) -> None:
    # a prefix per evaluator and target: a span has one value per name, and the conventions' attributes
    # gen_ai.evaluation.* hold one result
    prefix = f"{names.SPAN_EVALUATION_PREFIX}{result.evaluator}.{result.target}"
    span.attributes.add(key=f"{prefix}.label").value.string_value = result.label
    if result.score is not None:
        span.attributes.add(key=f"{prefix}.score").value.double_value = result.score


def _is_enriched(span: bytes) -> bool:
    if _MARKER not in span:  # most spans lack the name: parse only spans that have it, maybe in a message
        return False
    # parse_span takes each span that the reader takes, such as one whose name is no UTF-8
    return names.EVALUATION_ID in parse_span(span).attributes
