import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.code_pb2 import INVALID_ARGUMENT
from hypothesis import given, settings
from hypothesis import strategies as st
from support.otlp import data_points, log_records, logs, metrics
from support.receivers import JSON, Receivers, receivers
from support.spans import SPAN_ID, START_NS, TRACE_ID, body, span

from otel_llm.otlp.signals import SIGNALS

LEVELS = {
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
}
BODIES = {"traces": body(span()), "logs": logs(log_records(2)), "metrics": metrics(data_points(3))}


@pytest.fixture
def at() -> Iterator[Receivers]:
    with receivers() as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with receivers() as running, httpx.Client(base_url=running.http, timeout=20) as client:
        yield client


def post(at: Receivers, content: bytes, signal: str = "traces", headers: dict[str, str] = JSON) -> httpx.Response:
    return httpx.post(f"{at.http}/v1/{signal}", content=content, headers=headers, timeout=20)


def as_json(*items: Any, signal: str = "traces") -> bytes:
    resources, scopes, name = LEVELS[signal]
    return json.dumps({resources: [{scopes: [{name: list(items)}]}]}).encode()


def json_span(**fields: Any) -> dict[str, Any]:
    """A span as the JavaScript SDK writes it: hexadecimal ids, integer enums, 64-bit integers as text."""
    attributes = [
        {"key": "text", "value": {"stringValue": "A camelid."}},
        {"key": "as text", "value": {"intValue": "9007199254740993"}},
        {"key": "as number", "value": {"intValue": 7}},
        {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}, {"bytesValue": "AAE="}]}}},
    ]
    times = {"startTimeUnixNano": str(START_NS), "endTimeUnixNano": START_NS + 5}
    ids = {"traceId": TRACE_ID.upper(), "spanId": SPAN_ID, "parentSpanId": None}
    return {**ids, "name": "chat gpt-4o", "kind": 3, **times, "attributes": attributes, **fields}


def test_json_is_taken_and_answered_in_json(at: Receivers) -> None:
    response = post(at, as_json(json_span()), headers={"content-type": "application/json; charset=utf-8"})
    assert response.status_code == 200
    assert (response.headers["content-type"], response.json()) == ("application/json", {})
    [taken] = at.sink.spans()
    assert (taken.name, taken.start_time_unix_nano, taken.end_time_unix_nano) == (
        "chat gpt-4o",
        START_NS,
        START_NS + 5,
    )


def test_ids_in_json_are_hexadecimal_in_either_case(at: Receivers) -> None:
    link = {"traceId": TRACE_ID, "spanId": SPAN_ID}
    post(at, as_json(json_span(parentSpanId=SPAN_ID.upper(), links=[link])))
    [taken] = at.sink.spans()
    assert (taken.trace_id.hex(), taken.span_id.hex(), taken.parent_span_id.hex()) == (TRACE_ID, SPAN_ID, SPAN_ID)
    assert (taken.links[0].trace_id.hex(), taken.links[0].span_id.hex()) == (TRACE_ID, SPAN_ID)


def test_enums_in_json_are_integers(at: Receivers) -> None:
    post(at, as_json(json_span(kind=5, status={"code": 2})))
    [taken] = at.sink.spans()
    assert (taken.kind, taken.status.code) == (5, 2)


def test_64_bit_integers_in_json_are_texts_or_numbers(at: Receivers) -> None:
    post(at, as_json(json_span()))
    values = {pair.key: pair.value for pair in at.sink.spans()[0].attributes}
    assert (values["as text"].int_value, values["as number"].int_value) == (9007199254740993, 7)
    assert values["list"].array_value.values[1].bytes_value == b"\0\1"


def test_unknown_fields_in_json_are_ignored(at: Receivers) -> None:
    value = json.loads(as_json(json_span(unknown=[1], attributes=[{"key": "a", "value": {"new": 1}, "more": {}}])))
    value |= {"new": {"traceId": "01"}}
    value["resourceSpans"][0] |= {"future": None}
    assert post(at, json.dumps(value).encode()).json() == {}
    assert [pair.key for pair in at.sink.spans()[0].attributes] == ["a"]


def test_keys_in_json_are_lower_camel_case_alone(at: Receivers) -> None:
    snake = {"resource_spans": [{"scope_spans": [{"spans": [json_span()]}]}]}
    assert post(at, json.dumps(snake).encode()).json() == {}  # unknown, so ignored: an empty request
    assert post(at, as_json(json_span(start_time_unix_nano=1, startTimeUnixNano=2))).json() == {}
    assert [taken.start_time_unix_nano for taken in at.sink.spans()] == [2]


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_in_json_is_what_it_is_in_protobuf(at: Receivers, signal: str) -> None:
    export = SIGNALS[signal].request.FromString(BODIES[signal])
    value = MessageToDict(export)
    if signal == "traces":  # protobuf's own mapping has ids in base64, and enums by name
        value["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= {
            "traceId": TRACE_ID,
            "spanId": SPAN_ID,
            "kind": 3,
        }
    assert post(at, json.dumps(value).encode(), signal).json() == {}
    assert at.sink.exports() == [export]
    assert at.sink.requests[0].items == {"traces": 1, "logs": 2, "metrics": 3}[signal]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"traceId": "xyz"}, "traceId must be hexadecimal, got 'xyz'"),
        ({"spanId": 7}, "spanId must be a hexadecimal text, got int"),
        ({"traceId": "0af7"}, "trace_id must be 16 bytes, not all zero, got '0af7'"),
        ({"attributes": {}}, "a span is no Span: Failed to parse attributes field"),
        ({"name": "\ud800"}, "a span is no Span: Failed to parse name field: Unpaired surrogate"),
    ],
)
def test_a_bad_span_in_json_costs_only_itself(at: Receivers, bad: dict[str, Any], reason: str) -> None:
    response = post(at, as_json(json_span(**bad), json_span()))
    partial = response.json()["partialSuccess"]
    assert (response.status_code, partial["rejectedSpans"]) == (200, "1")
    assert reason in partial["errorMessage"]
    assert len(at.sink.spans()) == 1


def test_a_bad_log_record_in_json_costs_only_itself(at: Receivers) -> None:
    good = {"timeUnixNano": "5", "traceId": TRACE_ID, "spanId": SPAN_ID, "body": {"stringValue": "said"}}
    response = post(at, as_json(good, good | {"spanId": "zz"}, 3, signal="logs"), "logs")
    partial = response.json()["partialSuccess"]
    assert partial["rejectedLogRecords"] == "2"
    assert partial["errorMessage"] == "spanId must be hexadecimal, got 'zz' (and 1 more)"
    [export] = at.sink.exports()
    [record] = export.resource_logs[0].scope_logs[0].log_records
    assert (record.trace_id.hex(), record.body.string_value) == (TRACE_ID, "said")


def test_a_bad_metric_in_json_costs_its_data_points(at: Receivers) -> None:
    exemplar = {"traceId": TRACE_ID, "spanId": SPAN_ID, "asInt": "1"}
    good = {"name": "tokens", "gauge": {"dataPoints": [{"asInt": "1", "exemplars": [exemplar]}]}}
    bad = {"name": "cost", "sum": {"dataPoints": [{"asDouble": "much"}, {"asDouble": 1.5}]}}
    response = post(at, as_json(good, bad, signal="metrics"), "metrics")
    partial = response.json()["partialSuccess"]
    assert partial["rejectedDataPoints"] == "2"
    assert "a metric is no Metric" in partial["errorMessage"]
    [export] = at.sink.exports()
    [metric] = export.resource_metrics[0].scope_metrics[0].metrics
    assert metric.gauge.data_points[0].exemplars[0].trace_id.hex() == TRACE_ID


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body is not JSON: Expecting value"),
        (b"[]", "the body must be a JSON object, got list"),
        (b"[" * 50_000, "the body is not JSON: maximum recursion depth"),
        (b'{"resourceSpans": 3}', "the body is no ExportTraceServiceRequest: Failed to parse resourceSpans"),
        (b"\xff", "the body is not JSON: 'utf-8' codec"),
    ],
)
def test_a_refusal_of_json_is_json(client: httpx.Client, content: bytes, message: str) -> None:
    response = client.post("/v1/traces", content=content, headers=JSON)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/json")
    refusal = response.json()
    assert refusal["code"] == INVALID_ARGUMENT
    assert message in refusal["message"]


def test_a_large_body_in_json_is_taken(at: Receivers) -> None:
    assert post(at, as_json(*[json_span(name="x" * 1000)] * 400)).json() == {}
    assert len(at.sink.spans()) == 400


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["traceId", "name", "attributes", "key", "value", "gauge", "dataPoints", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(SIGNALS)), st.data())
def test_arbitrary_json_is_taken_or_refused_as_malformed(
    client: httpx.Client, signal: str, data: st.DataObject
) -> None:
    resources, scopes, items = LEVELS[signal]
    keys = st.sampled_from([items, "scope", "schemaUrl", "scope_spans"])
    scope = data.draw(st.dictionaries(keys, JSON_VALUES | st.lists(JSON_VALUES)) | JSON_VALUES)
    content = json.dumps({resources: [{scopes: [scope]}]}).encode()
    assert client.post(f"/v1/{signal}", content=content, headers=JSON).status_code in {200, 400}
