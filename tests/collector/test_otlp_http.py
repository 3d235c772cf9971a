import gzip
import json
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.rpc.code_pb2 import INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE, UNIMPLEMENTED
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from otlp_sink import OtlpSink
from support.service import LengthPipeline, service
from support.spans import SPAN_ID, START_NS, TRACE_ID, body, chat_attributes, span
from support.zstandard import zstd

from otel_llm.collector import Addresses

PROTOBUF = {"content-type": "application/x-protobuf"}
GZIP = PROTOBUF | {"content-encoding": "gzip"}
ZSTD = PROTOBUF | {"content-encoding": "zstd"}
JSON = {"content-type": "application/json"}
PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd}


@pytest.fixture(scope="module")
def client(shared: Addresses) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared.http, timeout=20) as client:
        yield client


def post(at: Addresses, content: bytes, headers: dict[str, str] = PROTOBUF) -> httpx.Response:
    return httpx.post(f"{at.http}/v1/traces", content=content, headers=headers, timeout=20)


def status(response: httpx.Response) -> Status:
    assert response.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(response.content)


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_success_leaves_partial_success_unset(running: Addresses, pipeline: LengthPipeline) -> None:
    response = post(running, body(span()))
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/x-protobuf"
    wait_until(lambda: len(pipeline.seen) == 1)


def test_an_empty_request_is_a_success(client: httpx.Client) -> None:
    response = client.post("/v1/traces", content=b"", headers=PROTOBUF)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("encoding", PACKERS)
def test_a_packed_body_is_taken(running: Addresses, pipeline: LengthPipeline, encoding: str, members: int) -> None:
    # two requests one after the other are one request with two resources, in protobuf as in gzip
    packed = PACKERS[encoding](body(span())) * members
    response = post(running, packed, PROTOBUF | {"content-encoding": encoding})
    assert response.status_code == 200
    wait_until(lambda: len(pipeline.seen) == members)


def test_a_rejected_span_is_counted_and_named(running: Addresses, pipeline: LengthPipeline) -> None:
    bad = chat_attributes() | {"gen_ai.input.messages": "{}"}
    response = post(running, body(span(), span(bad), span(bad)))
    assert response.status_code == 200
    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert partial.rejected_spans == 2
    assert partial.error_message == (
        "span b7ad6b7169203331 of trace 0af7651916cd43dd8448eb211c80319c: "
        "gen_ai.input.messages must be a list, got dict (and 1 more)"
    )
    wait_until(lambda: len(pipeline.seen) == 1)


@pytest.mark.parametrize(
    ("path", "content", "headers", "answer", "message"),
    [
        ("/v1/traces", b"\x0a\xff", PROTOBUF, (400, INVALID_ARGUMENT), "the body is no ExportTraceServiceRequest"),
        ("/v1/traces", b"no gzip", GZIP, (400, INVALID_ARGUMENT), "the body is not gzip: Error -3"),
        ("/v1/traces", gzip.compress(b"x" * 99)[:-9], GZIP, (400, INVALID_ARGUMENT), "it ends too early"),
        (
            "/v1/traces",
            b"x" * 100_001,
            PROTOBUF,
            (413, RESOURCE_EXHAUSTED),
            "at most 100000 bytes, got 100001 bytes",
        ),
        ("/v1/traces", b"cut", ZSTD, (400, INVALID_ARGUMENT), "the body is not zstd: Unable to decompress"),
        (
            "/v1/traces",
            zstd(b"x" * 99)[:-9],
            ZSTD,
            (400, INVALID_ARGUMENT),
            "the body is not zstd: it ends too early",
        ),
        ("/v1/traces", b"<a/>", {"content-type": "text/xml"}, (415, UNIMPLEMENTED), "http/protobuf"),
        (
            "/v1/traces",
            b"",
            {},
            (415, UNIMPLEMENTED),
            "must be application/x-protobuf or application/json, got ''",
        ),
        ("/v1/traces", b"", PROTOBUF | {"content-encoding": "br"}, (415, UNIMPLEMENTED), "got 'br'"),
        ("/v1/metrics", b"", PROTOBUF, (404, NOT_FOUND), "send metrics and logs to your OpenTelemetry Collector"),
        ("/v1/logs", b"", PROTOBUF, (404, NOT_FOUND), "send metrics and logs to your OpenTelemetry Collector"),
        ("/", b"", PROTOBUF, (404, NOT_FOUND), "traces go to /v1/traces"),
    ],
    ids=[
        "malformed",
        "no gzip",
        "cut gzip",
        "too large",
        "no zstd",
        "cut zstd",
        "xml",
        "no type",
        "brotli",
        "metrics",
        "logs",
        "root",
    ],
)
def test_a_refusal_says_why_in_protobuf(  # noqa: PLR0917
    client: httpx.Client, path: str, content: bytes, headers: dict, answer: tuple[int, int], message: str
) -> None:
    response = client.post(path, content=content, headers=headers)
    refusal = status(response)
    assert (response.status_code, refusal.code) == answer
    assert message in refusal.message
    assert "retry-after" not in response.headers
    assert not refusal.details


def test_a_method_other_than_post_is_refused(client: httpx.Client) -> None:
    response = client.get("/v1/traces")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert "takes POST, got GET" in status(response).message


def test_a_body_sent_in_chunks_is_limited_too(client: httpx.Client) -> None:
    response = client.post("/v1/traces", content=(b"x" * 10_000 for _ in range(11)), headers=PROTOBUF)
    assert response.status_code == 413


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_bomb_is_refused_without_being_unpacked(client: httpx.Client, encoding: str) -> None:
    bomb = PACKERS[encoding](bytes(64 << 20))
    assert len(bomb) < 100_000
    response = client.post("/v1/traces", content=bomb, headers=PROTOBUF | {"content-encoding": encoding})
    assert response.status_code == 413
    assert "got more, decompressed" in status(response).message


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200) | st.binary(max_size=50).map(lambda data: data + b"\x0a\x08gen_ai.x"), st.booleans()
)
def test_arbitrary_bytes_are_taken_or_refused_as_malformed(
    client: httpx.Client, data: bytes, packed: bool
) -> None:
    response = client.post("/v1/traces", content=data, headers=GZIP if packed else PROTOBUF)
    assert response.status_code in {200, 400}


def as_json(*spans: Any) -> bytes:
    """A request as the JavaScript SDK writes it: hexadecimal ids, integer enums, 64-bit integers as text."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def json_span(**fields: Any) -> dict[str, Any]:
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in chat_attributes().items()]
    times = {"startTimeUnixNano": str(START_NS), "endTimeUnixNano": START_NS + 5}
    ids = {"traceId": TRACE_ID.upper(), "spanId": SPAN_ID}
    return {**ids, "name": "chat gpt-4o", "kind": 3, **times, "attributes": attributes, "unknown": [1], **fields}


def test_json_is_taken_and_answered_in_json(running: Addresses, pipeline: LengthPipeline) -> None:
    response = post(running, as_json(json_span()), JSON | {"content-type": "application/json; charset=utf-8"})
    assert (response.status_code, response.headers["content-type"], response.json()) == (
        200,
        "application/json",
        {},
    )
    wait_until(lambda: len(pipeline.seen) == 1)
    [call] = pipeline.seen
    assert (call.trace_id, call.span_id, call.start_ns) == (TRACE_ID, SPAN_ID, START_NS)
    assert call.output_text == "A camelid."


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
def test_a_bad_span_in_json_costs_only_itself(
    running: Addresses, pipeline: LengthPipeline, bad: dict[str, Any], reason: str
) -> None:
    response = post(running, as_json(json_span(**bad), json_span()), JSON)
    partial = response.json()["partialSuccess"]
    assert (response.status_code, partial["rejectedSpans"]) == (200, "1")
    assert reason in partial["errorMessage"]
    wait_until(lambda: len(pipeline.seen) == 1)


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


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["traceId", "name", "attributes", "key", "value", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["spans", "scope", "schemaUrl"]), JSON_VALUES | st.lists(JSON_VALUES)))
def test_arbitrary_json_is_taken_or_refused_as_malformed(client: httpx.Client, scope: dict[str, Any]) -> None:
    content = json.dumps({"resourceSpans": [{"scopeSpans": [scope]}]}).encode()
    assert client.post("/v1/traces", content=content, headers=JSON).status_code in {200, 400}


def test_a_full_queue_refuses_retryably(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    queue = {"max_pending": 1, "max_batch": 1, "max_delay_s": 0}
    with service(pipeline, queue=queue) as at, httpx.Client(base_url=at.http) as client:
        responses = [client.post("/v1/traces", content=body(span()), headers=PROTOBUF)]
        assert pipeline.waiting.wait(20)  # it has left the queue
        responses += [client.post("/v1/traces", content=body(span()), headers=PROTOBUF) for _ in range(2)]
        pipeline.gate.set()
        taken = sum(response.status_code == 200 for response in responses)
        refused = responses[-1]
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        details = RetryInfo()
        assert status(refused).code == UNAVAILABLE
        assert status(refused).details[0].Unpack(details)
        assert details.retry_delay.seconds == 1
        assert client.post("/v1/traces", content=b"", headers=PROTOBUF).status_code == 200
        metrics = httpx.get(f"{at.telemetry}/metrics").text
    assert f'otelcol_receiver_accepted_spans_total{{transport="http"}} {taken}.0' in metrics
    assert f'otelcol_receiver_refused_spans_total{{transport="http"}} {3 - taken}.0' in metrics
    assert len(pipeline.seen) == taken


def test_the_sdk_retries_a_refused_export_until_it_is_taken(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    with service(pipeline, queue={"max_pending": 1, "max_batch": 1, "max_delay_s": 0}) as at:
        while post(at, body(span())).status_code == 200:
            continue  # until the queue is full
        exporter = OTLPSpanExporter(endpoint=f"{at.http}/v1/traces", timeout=20)
        outcome: list[SpanExportResult] = []
        provider = TracerProvider()
        with provider.get_tracer("test").start_as_current_span("chat m", attributes=chat_attributes()) as sent:
            pass
        thread = threading.Thread(target=lambda: outcome.append(exporter.export([sent])))
        refusals = f"{at.telemetry}/metrics"
        thread.start()
        wait_until(lambda: 'refused_spans_total{transport="http"} 2.0' in httpx.get(refusals).text)
        pipeline.gate.set()
        thread.join()
        exporter.shutdown()
        provider.shutdown()
    assert outcome == [SpanExportResult.SUCCESS]
    assert format(sent.get_span_context().span_id, "016x") in {call.span_id for call in pipeline.seen}


def test_a_span_of_the_sdk_comes_back_as_an_event_of_that_span(running: Addresses, sink: OtlpSink) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{running.http}/v1/traces")))
    attributes = chat_attributes(**{"gen_ai.response.id": "chatcmpl-1"})
    with provider.get_tracer("test").start_as_current_span("chat gpt-4o", attributes=attributes) as sent:
        context = sent.get_span_context()
    [(_, record)] = sink.wait_for(lambda sink: sink.logs)
    provider.shutdown()
    assert int.from_bytes(record.trace_id) == context.trace_id
    assert int.from_bytes(record.span_id) == context.span_id
