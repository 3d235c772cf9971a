"""Failures that no receiver of ours makes, on the real wire: statuses of gRPC, connections that end, dates."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.ports import free_port
from otel_llm.send.client import open_client
from otel_llm.send.http_client import HttpClient
from otel_llm.send.reply import Reply

RETRYABLE = {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
"""opentelemetry-proto docs/specification.md, "OTLP/gRPC: Failures"; RESOURCE_EXHAUSTED is below."""
FOR_ALL = {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"}
"""Of the others, those that say nothing of what was sent."""
REFUSED = {code.name for code in grpc.StatusCode} - RETRYABLE - {"OK"}


@dataclass
class Fake(grpc.GenericRpcHandler):
    """A gRPC server of the test's own, on the real wire: ends each call with a status and its details."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    details: bytes | None = None
    answer: bytes = b""
    bodies: list[bytes] = field(default_factory=list)
    endpoint: str = ""

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self._end)

    def _end(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.bodies.append(request)
        if self.details is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", self.details),))
        if self.code is not grpc.StatusCode.OK:
            context.abort(self.code, "said")
        return self.answer


@pytest.fixture
def fake() -> Iterator[Fake]:
    handler = Fake()
    server = grpc.server(ThreadPoolExecutor(max_workers=1), handlers=[handler])
    handler.endpoint = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield handler
    server.stop(grace=None).wait()


def export(endpoint: str, content: bytes = body(span()), times: int = 1) -> list[Reply]:
    client = open_client(DestinationSettings(endpoint=endpoint, timeout_s=10))
    try:
        return [client.export("traces", content, {}) for _ in range(times)]
    finally:
        client.close()


def at(fake: Fake) -> str:
    return fake.endpoint.removeprefix("grpc://")


def details(*messages: Any) -> bytes:
    packed = []
    for message in messages:
        packed.append(AnyMessage())
        packed[-1].Pack(message)
    return Status(code=8, message="said", details=packed).SerializeToString()


def retry_info(seconds: int, nanos: int = 0) -> RetryInfo:
    return RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos))


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, "retry") for name in sorted(RETRYABLE)] + [(name, "refused") for name in sorted(REFUSED)],
)
def test_a_status_of_grpc_counts_as_otlp_says(fake: Fake, name: str, kind: str) -> None:
    fake.code = grpc.StatusCode[name]
    assert export(fake.endpoint) == [Reply(kind, f"{at(fake)}: {name}: said", for_all=name in FOR_ALL)]
    assert fake.bodies == [body(span())]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (details(retry_info(7, 500_000_000)), ("retry", 7.5)),
        (details(ErrorInfo(reason="quota"), retry_info(3)), ("retry", 3)),
        (details(retry_info(0)), ("retry", 0)),
        (details(retry_info(-3)), ("retry", 0)),
        (details(ErrorInfo(reason="quota")), ("refused", 0)),
        (b"\xff\xff", ("refused", 0)),
        (None, ("refused", 0)),
    ],
)
def test_a_receiver_that_is_exhausted_is_tried_again_where_it_says_so(
    fake: Fake, said: bytes | None, expected: tuple[str, float]
) -> None:
    fake.code, fake.details = grpc.StatusCode.RESOURCE_EXHAUSTED, said
    [reply] = export(fake.endpoint)
    assert (reply.kind, reply.retry_after_s) == expected
    assert reply.for_all == (reply.kind == "retry")  # else it may be the size of this very request


def test_what_another_retryable_status_asks_for_counts_too(fake: Fake) -> None:
    fake.code, fake.details = grpc.StatusCode.UNAVAILABLE, details(retry_info(7))
    assert export(fake.endpoint) == [Reply("retry", f"{at(fake)}: UNAVAILABLE: said", 7)]


def test_details_make_no_status_retryable(fake: Fake) -> None:
    fake.code, fake.details = grpc.StatusCode.INVALID_ARGUMENT, details(retry_info(7))
    assert [reply.kind for reply in export(fake.endpoint)] == ["refused"]


def test_an_answer_that_is_not_otlp_is_refused(fake: Fake) -> None:
    fake.answer = b"\xff\xff"
    [reply] = export(fake.endpoint)
    assert reply.kind == "refused"
    assert "the receiver does not answer in OTLP" in reply.reason


@contextmanager
def raw_server(*answers: bytes | None) -> Iterator[str]:
    """A server of the test's own, on a raw socket: a connection for each answer; None reads only the beginning."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(20)
                    if answer is None:
                        connection.recv(100)
                    else:
                        _read_request(connection)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def _read_request(connection: socket.socket) -> None:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, rest = read.partition(b"\r\n\r\n")
    [length] = [int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if b"content-length" in line]
    while len(rest) < length:
        rest += connection.recv(65536)


TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\nhalf",
        b"no HTTP at all\r\n\r\n",
    ],
    ids=["in the request", "before the answer", "in the answer", "no HTTP"],
)
def test_a_connection_that_ends_midway_is_to_be_tried_again_on_another(broken: bytes | None) -> None:
    content = body(span({"note": "x" * 3_000_000}))  # more than the buffers of sockets hold
    with raw_server(broken, TAKEN) as endpoint:
        first, second = export(endpoint, content, times=2)
    assert (first.kind, second) == ("retry", Reply("delivered"))
    assert first.reason


def test_a_date_in_retry_after_is_how_long_it_is_until_then() -> None:
    until = formatdate(time.time() + 4000, usegmt=True)
    answer = f"HTTP/1.1 503 Busy\r\nRetry-After: {until}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with raw_server(answer.encode()) as endpoint:
        [reply] = export(endpoint)
    assert reply.kind == "retry"
    assert 3000 < reply.retry_after_s <= 4000


@contextmanager
def server_that(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """An HTTP receiver whose answer, once the request has come, is what `answer` sends; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1 << 16)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(20)


def test_an_error_without_a_word_is_named_by_its_status_and_url() -> None:
    with server_that(lambda to: to.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")) as url:
        assert export(url) == [Reply("refused", f"{url}/v1/traces: HTTP 404: Not Found", for_all=True)]


def test_nobody_there_is_said_in_words() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    [reply] = export(url)
    assert reply.kind == "retry"
    assert reply.reason.startswith(f"{url}/v1/traces: ")
    assert "refused" in reply.reason
    assert "object at" not in reply.reason
    assert "HTTPConnection" not in reply.reason


def test_an_answer_that_drips_ends_with_the_time() -> None:
    connections: list[socket.socket] = []
    ticks_s = itertools.count(0, 7)

    def clock() -> float:
        with contextlib.suppress(OSError):  # the client has closed it
            for connection in connections:
                connection.sendall(b"x")
        return next(ticks_s)

    def drip(to: socket.socket) -> None:
        connections.append(to)
        to.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        to.recv(1)

    with server_that(drip) as url:
        client = HttpClient(DestinationSettings(endpoint=url, timeout_s=20), clock)
        reply = client.export("traces", b"", {})
        client.close()
    assert (reply.kind, reply.reason) == ("retry", f"{url}/v1/traces: the answer did not end within timeout_s")
    assert next(ticks_s) <= 42


def test_an_answer_without_end_is_cut() -> None:
    def flood(to: socket.socket) -> None:
        to.sendall(b"HTTP/1.1 400 Bad\r\ncontent-length: 999999999\r\n\r\n")
        while True:
            to.sendall(b"y" * 65536)

    with server_that(flood) as url:
        [reply] = export(url)
    assert reply == Reply("refused", f"{url}/v1/traces: HTTP 400: {'y' * 300}")
