"""OTLP over HTTP with no room or no time: full queues, early refusals, slow senders, and those who leave."""

import gzip
import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from google.rpc.code_pb2 import (
    DEADLINE_EXCEEDED,
    UNAVAILABLE,
)
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from http_senders import GZIP, HEAD, connection, post, status
from support.receivers import PROTOBUF, MemorySink, receivers, wait_until
from support.spans import body, span

from otel_llm.receive.http import asgi


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


def test_http_requests_are_answered_concurrently() -> None:
    with receivers(MemorySink(held_up=True)) as at, ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(post, at, body(span())) for _ in range(20)]
        wait_until(lambda: at.sink.waiting == 20)
        at.sink.release()
        assert [each.result().status_code for each in waiting] == [200] * 20


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
