import gzip
import http.client
import json
import zlib
from collections.abc import Iterator

import httpx
import pytest
from google.rpc.code_pb2 import (
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNIMPLEMENTED,
)
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from http_senders import GZIP, post, status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.otlp import data_points, log_records, logs, metrics
from support.receivers import JSON, PROTOBUF, MemorySink, Receivers, receivers
from support.spans import body, span
from support.zstandard import zstd

from otel_llm.otlp.signals import SIGNALS

ZSTD = PROTOBUF | {"content-encoding": "zstd"}

PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd}
BODIES = {"traces": body(span()), "logs": logs(log_records(2)), "metrics": metrics(data_points(3))}


@pytest.fixture
def at() -> Iterator[Receivers]:
    with receivers() as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[Receivers]:
    """Receivers for the tests that look at answers alone. They take requests of up to 100,000 bytes."""
    with receivers(max_request_bytes=100_000) as running:
        yield running


@pytest.fixture(scope="module")
def client(shared: Receivers) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared.http, timeout=20) as client:
        yield client


@pytest.mark.parametrize("signal", SIGNALS)
def test_success_over_http_leaves_partial_success_unset(at: Receivers, signal: str) -> None:
    response = post(at, BODIES[signal], signal=signal)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/x-protobuf"
    [taken] = at.sink.requests
    assert (taken.signal, taken.body) == (signal, BODIES[signal])
    assert at.tally["http", signal, "accepted"] == taken.items == {"traces": 1, "logs": 2, "metrics": 3}[signal]


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_empty_request_over_http_is_a_success(client: httpx.Client, signal: str) -> None:
    response = client.post(f"/v1/{signal}", content=b"", headers=PROTOBUF)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("encoding", PACKERS)
def test_a_packed_body_is_taken(at: Receivers, encoding: str, members: int) -> None:
    # two requests one after the other are one request with two resources, in protobuf as in gzip
    packed = PACKERS[encoding](body(span())) * members
    response = post(at, packed, PROTOBUF | {"content-encoding": encoding})
    assert response.status_code == 200
    assert at.sink.spans() == [span()] * members


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_large_packed_body_is_taken(at: Receivers, encoding: str) -> None:
    large = body(*[span({"text": "x" * 10_000})] * 100)
    assert post(at, PACKERS[encoding](large), PROTOBUF | {"content-encoding": encoding}).status_code == 200
    assert [request.body for request in at.sink.requests] == [large]


def test_a_span_rejected_over_http_is_counted_and_named(at: Receivers) -> None:
    bad = span(span_id=bytes(8))
    response = post(at, body(span(), bad, bad))
    assert response.status_code == 200
    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert partial.rejected_spans == 2
    assert partial.error_message == ("span_id must be 8 bytes, not all zero, got '0000000000000000' (and 1 more)")
    assert at.sink.spans() == [span()]
    assert (at.tally["http", "traces", "accepted"], at.tally["http", "traces", "refused"]) == (1, 2)


@pytest.mark.parametrize(
    ("path", "content", "headers", "answer", "message"),
    [
        ("/v1/traces", b"\x0a\xff", PROTOBUF, (400, INVALID_ARGUMENT), "the body is no ExportTraceServiceRequest"),
        ("/v1/logs", b"\x0a\xff", PROTOBUF, (400, INVALID_ARGUMENT), "the body is no ExportLogsServiceRequest"),
        ("/v1/traces", b"no gzip", GZIP, (400, INVALID_ARGUMENT), "the body is not gzip: Error -3"),
        ("/v1/traces", gzip.compress(b"x" * 99)[:-9], GZIP, (400, INVALID_ARGUMENT), "it ends too early"),
        (
            "/v1/traces",
            b"x" * 100_001,
            PROTOBUF,
            (413, RESOURCE_EXHAUSTED),
            "at most 100000 bytes, got 100001 bytes",
        ),
        ("/v1/traces", gzip.compress(b"") * 65, GZIP, (400, INVALID_ARGUMENT), "more than 64 gzip members"),
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
        ("/", b"", PROTOBUF, (404, NOT_FOUND), "/ is not served: /v1/traces, /v1/logs, /v1/metrics are"),
    ],
    ids=[
        "malformed",
        "malformed logs",
        "no gzip",
        "cut gzip",
        "too large",
        "many members",
        "no zstd",
        "cut zstd",
        "xml",
        "no type",
        "brotli",
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
    assert not any(detail.Is(RetryInfo.DESCRIPTOR) for detail in refusal.details)


def test_bad_data_is_described_in_the_details(client: httpx.Client) -> None:
    [detail] = status(client.post("/v1/traces", content=b"\x0a\xff", headers=PROTOBUF)).details
    bad = BadRequest()
    assert detail.Unpack(bad)
    assert "the body is no ExportTraceServiceRequest" in bad.field_violations[0].description


def test_a_method_other_than_post_is_refused(client: httpx.Client) -> None:
    response = client.get("/v1/traces")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert "takes POST, got GET" in status(response).message


def test_a_body_sent_in_chunks_is_taken(at: Receivers) -> None:
    whole = body(*[span()] * 200)
    chunks = (whole[start : start + 1000] for start in range(0, len(whole), 1000))
    response = httpx.post(f"{at.http}/v1/traces", content=chunks, headers=PROTOBUF)
    assert response.status_code == 200
    assert [request.body for request in at.sink.requests] == [whole]


def test_a_body_sent_in_chunks_is_limited_too(client: httpx.Client) -> None:
    response = client.post("/v1/traces", content=(b"x" * 10_000 for _ in range(11)), headers=PROTOBUF)
    assert response.status_code == 413


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=200) | st.binary(max_size=50).map(lambda data: data + b"\x0a\x08gen_ai.x"),
    st.sampled_from([PROTOBUF, GZIP, ZSTD]),
    st.sampled_from(list(SIGNALS)),
)
def test_arbitrary_bytes_are_taken_or_refused_as_malformed(
    client: httpx.Client, data: bytes, headers: dict[str, str], signal: str
) -> None:
    response = client.post(f"/v1/{signal}", content=data, headers=headers)
    assert response.status_code in {200, 400}


def test_a_retryable_refusal_in_json_has_retry_info() -> None:
    with receivers(MemorySink(full=True)) as at:
        trace = {"traceId": "01" * 16, "spanId": "02" * 8}
        content = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [trace]}]}]}).encode()
        response = post(at, content, JSON)
    assert response.status_code == 503
    [detail] = response.json()["details"]
    assert detail == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}


def test_a_fault_of_the_sink_is_a_status_with_500(caplog: pytest.LogCaptureFixture) -> None:
    with receivers(MemorySink(fault=RuntimeError("disk"))) as at:
        response = post(at, body(span()))
        assert (response.status_code, status(response).code) == (500, INTERNAL)
        assert post(at, body(span())).status_code == 200
    assert "RuntimeError: disk" in caplog.text


def test_a_connection_is_kept_for_the_next_request(at: Receivers) -> None:
    port = int(at.http.rpartition(":")[2])
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(3):
        kept.request("POST", "/v1/traces", body(span()), PROTOBUF)
        answer = kept.getresponse()
        assert (answer.status, answer.read(), answer.will_close) == (200, b"", False)
    kept.close()
