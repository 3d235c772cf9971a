import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from otlp_sink import key_values, plain
from support.results import result
from support.spans import chat_attributes, span

from otel_llm.errors import DecodeError
from otel_llm.otlp.rebuild import rebuild
from otel_llm.otlp.requests import read_spans
from otel_llm.report.enrich import enriched

RESULTS = [
    result(explanation="it says 'idiot'"),
    result(target="input", label="not_applicable", score=None),
    result(evaluator="pii", version="1", label="fail", score=1.0),
]
UNKNOWN = b"\xfa\x3e\x03new"  # field 1007, which no schema has


def test_a_span_gets_the_labels_and_scores_of_its_results_and_keeps_the_rest() -> None:
    original = span().SerializeToString() + UNKNOWN
    new = Span.FromString(enriched(original, RESULTS))
    call = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    assert plain(new.attributes) == {
        **chat_attributes(),
        "otel_llm.evaluation.toxicity.output.label": "pass",
        "otel_llm.evaluation.toxicity.output.score": 0.25,
        "otel_llm.evaluation.pii.output.label": "fail",
        "otel_llm.evaluation.pii.output.score": 1.0,
        "otel_llm.evaluation.id": [
            f"{call}-toxicity-1.2-output",
            f"{call}-pii-1-output",
        ],
    }
    del new.attributes[len(span().attributes) :]
    assert new.SerializeToString() == original


def test_a_call_of_which_nothing_can_be_evaluated_is_marked_as_evaluated() -> None:
    new = enriched(span().SerializeToString(), [result(label="not_applicable", score=None)])
    assert plain(Span.FromString(new).attributes) == {**chat_attributes(), "otel_llm.evaluation.id": []}
    assert enriched(new, RESULTS) == new


def test_a_span_is_enriched_once() -> None:
    once = enriched(span().SerializeToString(), RESULTS)
    assert enriched(once, [result(evaluator="other")]) == once


def test_a_call_that_speaks_of_the_attribute_is_enriched_all_the_same() -> None:
    original = span(chat_attributes(question="What is otel_llm.evaluation.id?")).SerializeToString()
    assert len(enriched(original, RESULTS)) > len(original)


def test_without_results_a_span_stays_as_it_is() -> None:
    assert enriched(span().SerializeToString(), []) == span().SerializeToString()


def request() -> ExportTraceServiceRequest:
    def scope(*names: str) -> ScopeSpans:
        spans = [Span(name=name, trace_state="a=b") for name in names]
        return ScopeSpans(scope=InstrumentationScope(name="lib", version="1"), spans=spans, schema_url="urn:scope")

    resource = Resource(attributes=key_values({"service.name": "shop"}), dropped_attributes_count=3)
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(resource=resource, scope_spans=[scope("0", "1"), scope("2")], schema_url="urn:resource"),
            ResourceSpans(scope_spans=[scope(), scope("3", "4")]),
        ]
    )


def test_spans_are_replaced_and_left_out_by_their_number_and_all_else_stays() -> None:
    expected = request()
    expected.resource_spans[0].scope_spans[1].spans[0].name = "new"
    del expected.resource_spans[0].scope_spans[0].spans[1]
    del expected.resource_spans[1].scope_spans[1].spans[0]
    new = rebuild(
        request().SerializeToString(),
        {2: Span(name="new", trace_state="a=b").SerializeToString(), 1: None, 3: None},
    )
    assert ExportTraceServiceRequest.FromString(new) == expected


def test_fields_that_no_schema_knows_go_on_at_every_level() -> None:
    span_bytes = Span(name="0").SerializeToString() + UNKNOWN
    scope = bytes([0x12, len(span_bytes)]) + span_bytes + UNKNOWN
    resource = bytes([0x12, len(scope)]) + scope + UNKNOWN
    body = bytes([0x0A, len(resource)]) + resource + UNKNOWN
    assert rebuild(body, {7: b""}) == body
    assert rebuild(body, {0: None}).count(UNKNOWN) == 3


def test_bytes_that_are_no_span_go_on_as_they_are() -> None:
    body = rebuild(request().SerializeToString(), {0: b"\xff\xff", 1: b"\x0a\x01"})
    assert [span for _, spans in read_spans(body) for span in spans][:2] == [b"\xff\xff", b"\x0a\x01"]
    assert rebuild(body, {0: None, 1: None}).count(b"\xff\xff") == 0


def test_log_records_are_numbered_alike() -> None:
    logs = ExportLogsServiceRequest()
    for name in ("a", "b"):
        logs.resource_logs.add(schema_url="urn:x").scope_logs.add().log_records.add(event_name=name)
    new = ExportLogsServiceRequest.FromString(rebuild(logs.SerializeToString(), {1: None}))
    del logs.resource_logs[1].scope_logs[0].log_records[:]
    assert new == logs


def test_a_request_in_which_nothing_is_replaced_is_not_even_read() -> None:
    assert rebuild(b"\xff", {}) == b"\xff"
    with pytest.raises(DecodeError):
        rebuild(b"\xff", {0: None})
