import gzip
import http.client
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from google.rpc.code_pb2 import (
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    UNIMPLEMENTED,
)
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.otlp import data_points, log_records, logs, metrics
from support.receivers import JSON, PROTOBUF, MemorySink, Receivers, receivers, wait_until
from support.spans import body, span
from support.zstandard import zstd

from otel_llm.otlp.signals import SIGNALS
from otel_llm.receive.http import asgi

GZIP = PROTOBUF | {"content-encoding": "gzip"}
ZSTD = PROTOBUF | {"content-encoding": "zstd"}
HEAD = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
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


def post(
    at: Receivers, content: bytes, headers: dict[str, str] = PROTOBUF, signal: str = "traces"
) -> httpx.Response:
    return httpx.post(f"{at.http}/v1/{signal}", content=content, headers=headers, timeout=20)


def status(response: httpx.Response) -> Status:
    assert response.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(response.content)


def connection(at: Receivers) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(at.http.rpartition(":")[2])), timeout=20)


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


def test_signals_that_are_not_taken_are_not_found() -> None:
    with receivers(MemorySink(signals=frozenset({"traces"}))) as at:
        for signal in ("logs", "metrics"):
            response = post(at, BODIES[signal], signal=signal)
            assert (response.status_code, status(response).code) == (404, UNIMPLEMENTED)
            assert "unless forward.endpoint is set" in status(response).message


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


def test_a_full_queue_refuses_retryably_over_http() -> None:
    with receivers(MemorySink(full=True)) as at, httpx.Client(base_url=at.http) as client:
        refused = client.post("/v1/traces", content=body(span()), headers=PROTOBUF)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert "connection" not in refused.headers  # the whole body was read
        info = RetryInfo()
        assert status(refused).code == UNAVAILABLE
        assert status(refused).details[0].Unpack(info)
        assert info.retry_delay.seconds == 1
        at.sink.full = False
        assert client.post("/v1/traces", content=body(span()), headers=PROTOBUF).status_code == 200
    assert (at.tally["http", "traces", "accepted"], at.tally["http", "traces", "refused"]) == (1, 1)


def test_a_retryable_refusal_in_json_has_retry_info() -> None:
    with receivers(MemorySink(full=True)) as at:
        trace = {"traceId": "01" * 16, "spanId": "02" * 8}
        content = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [trace]}]}]}).encode()
        response = post(at, content, JSON)
    assert response.status_code == 503
    [detail] = response.json()["details"]
    assert detail == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}


def test_a_sink_without_room_refuses_before_the_body_is_read() -> None:
    sink = MemorySink(no_room="the lane is full")
    with receivers(sink) as at, connection(at) as sock:
        sock.sendall(f"{HEAD}content-length: 5000\r\n\r\n".encode())  # and no byte of the body
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert "the lane is full" in Status.FromString(answer.read()).message
    assert sink.asked == [("traces", "", 5000)]
    assert at.intake.in_flight_bytes == 0


def test_a_sender_that_writes_first_and_reads_then_hears_an_early_refusal() -> None:
    with receivers(MemorySink(no_room="the lane is full")) as at:
        response = post(at, bytes(8_000_000))
    assert response.status_code == 503
    assert "the lane is full" in status(response).message


def test_a_sender_that_asks_before_it_sends_hears_the_refusal_first() -> None:
    with receivers(MemorySink(no_room="the lane is full")) as at, connection(at) as sock:
        sock.sendall(f"{HEAD}expect: 100-continue\r\ncontent-length: 5000\r\n\r\n".encode())
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert answer.status == 503
        assert b"the lane is full" in answer.read()


def test_what_can_never_fit_is_not_asked_for_again() -> None:
    with receivers(max_request_bytes=2_000, max_in_flight_bytes=2_000) as at:
        assert post(at, bytes(2_001)).status_code == 413


def test_requests_in_flight_have_a_bound() -> None:
    limits = {"max_request_bytes": 3_000, "max_in_flight_bytes": 4_000}
    with receivers(MemorySink(held_up=True), **limits) as at, ThreadPoolExecutor(1) as pool:
        large = body(span({"text": "x" * 2_500}))
        first = pool.submit(post, at, large)
        wait_until(lambda: at.sink.waiting == 1)
        assert at.intake.in_flight_bytes == len(large)
        refused = post(at, large)
        chunked = httpx.post(f"{at.http}/v1/traces", content=iter([large[:1000], large[1000:]]), headers=PROTOBUF)
        at.sink.release()
        assert first.result().status_code == 200
        wait_until(lambda: at.intake.in_flight_bytes == 0)
        assert post(at, large).status_code == 200
    for response in (refused, chunked):
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert "above receive.max_in_flight_bytes (4000)" in status(response).message


def test_a_body_that_does_not_come_in_time_is_refused_for_good() -> None:
    with receivers(read_timeout_s=0.05) as at, connection(at) as sock:
        sock.sendall(f"{HEAD}content-length: 5000\r\n\r\nonly this".encode())
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert answer.status == 408
        refusal = Status.FromString(answer.read())
        assert sock.recv(1) == b""
    assert (refusal.code, "receive.read_timeout_s" in refusal.message) == (DEADLINE_EXCEEDED, True)
    assert at.intake.in_flight_bytes == 0


def test_a_sender_that_leaves_amid_its_body_holds_nothing() -> None:
    with receivers() as at:
        with connection(at) as sock:
            sock.sendall(f"{HEAD}content-length: 5000\r\n\r\nonly this".encode())
            wait_until(lambda: at.intake.in_flight_bytes == 9)
        wait_until(lambda: at.intake.refusals["gone"] == 1)
        assert at.intake.in_flight_bytes == 0


def test_an_http_sender_that_leaves_while_its_request_waits_holds_nothing_up() -> None:
    with receivers(MemorySink(held_up=True)) as at:
        with connection(at) as sock:
            data = body(span())
            sock.sendall(f"{HEAD}content-length: {len(data)}\r\n\r\n".encode() + data)
            wait_until(lambda: at.sink.waiting == 1)
        at.sink.release()
        wait_until(lambda: at.intake.in_flight_bytes == 0)
        assert post(at, body(span())).status_code == 200
    assert at.sink.spans() == [span()] * 2  # at least once: it will send it again


def test_a_fault_of_the_sink_is_a_status_with_500(caplog: pytest.LogCaptureFixture) -> None:
    with receivers(MemorySink(fault=RuntimeError("disk"))) as at:
        response = post(at, body(span()))
        assert (response.status_code, status(response).code) == (500, INTERNAL)
        assert post(at, body(span())).status_code == 200
    assert "RuntimeError: disk" in caplog.text


def test_http_requests_are_answered_concurrently() -> None:
    with receivers(MemorySink(held_up=True)) as at, ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(post, at, body(span())) for _ in range(20)]
        wait_until(lambda: at.sink.waiting == 20)
        at.sink.release()
        assert [each.result().status_code for each in waiting] == [200] * 20


def test_a_connection_is_kept_for_the_next_request(at: Receivers) -> None:
    port = int(at.http.rpartition(":")[2])
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(3):
        kept.request("POST", "/v1/traces", body(span()), PROTOBUF)
        answer = kept.getresponse()
        assert (answer.status, answer.read(), answer.will_close) == (200, b"", False)
    kept.close()


def test_a_large_body_is_unpacked_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    from otel_llm.receive.http import encodings

    threads: dict[int, threading.Thread] = {}
    unpacked = encodings.unpacked

    def noting(data: bytes, encoding: str, *, max_bytes: int) -> bytes | None:
        result = unpacked(data, encoding, max_bytes=max_bytes)
        threads[len(result or b"")] = threading.current_thread()
        return result

    monkeypatch.setattr(encodings, "unpacked", noting)
    small, large = body(span()), body(*[span({"text": "x" * 10_000})] * 100)
    with receivers() as at:
        for data in (small, large):
            assert post(at, gzip.compress(data), GZIP).status_code == 200
    assert threads[len(small)] is not threads[len(large)]


@pytest.mark.parametrize("begun", [b"", b"POST /v1/traces HT"])
def test_a_connection_on_which_no_request_begins_is_closed(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "_HEAD_S", 0.2)
    with receivers() as at:
        host, port = at.http.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.send(begun)
            assert connection.recv(1) == b""
