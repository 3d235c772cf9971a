"""One attempt to deliver, over both transports, to our own receivers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import ValidationError
from support.otlp import data_points, log_records, logs, metrics
from support.receivers import MemorySink, receivers
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.ports import free_port
from otel_llm.send.client import OtlpClient, open_client
from otel_llm.send.reply import Reply

SIGNALS = {"traces": body(span()), "logs": logs(log_records(2)), "metrics": metrics(data_points(3))}


@contextmanager
def client(endpoint: str, **settings: object) -> Iterator[OtlpClient]:
    opened = open_client(DestinationSettings(endpoint=endpoint, timeout_s=5, **settings))
    yield opened
    opened.close()


@pytest.fixture(params=["http", "grpc"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


def endpoint(scheme: str, at: object) -> str:
    return at.http if scheme == "http" else f"grpc://{at.grpc}"


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_every_signal_is_delivered_as_it_is(scheme: str, signal: str, compression: str) -> None:
    with receivers() as at, client(endpoint(scheme, at), compression=compression) as sender:
        assert sender.export(signal, SIGNALS[signal], {}) == Reply("delivered")
        assert [(each.signal, each.body) for each in at.sink.requests] == [(signal, SIGNALS[signal])]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X Key": "a"}, "names such as Authorization, and none in -bin, got 'X Key'"),
        ({"key-bin": "a"}, "none in -bin, got 'key-bin'"),
        (
            {"Authorization": "Bearer secret\n"},
            "printable ASCII, without spaces around; 'Authorization' has another",
        ),
        ({"Authorization": "Bearer sécret"}, "'Authorization' has another"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused_at_start(headers: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DestinationSettings(headers=headers)


def test_a_client_that_is_closed_says_to_try_again() -> None:
    with receivers() as at:
        sender = open_client(DestinationSettings(endpoint=f"grpc://{at.grpc}"))
        sender.close()
        assert sender.export("traces", SIGNALS["traces"], {}).kind == "retry"


def test_headers_reach_the_receiver(scheme: str, tmp_path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("secret\n")
    with receivers(bearer_tokens_file=tokens, tenant_header="X-Scope-OrgID") as at:
        with client(endpoint(scheme, at)) as sender:
            refused = sender.export("traces", SIGNALS["traces"], {})
            headers = {"Authorization": "Bearer secret", "X-Scope-OrgID": "acme"}
            assert sender.export("traces", SIGNALS["traces"], headers).kind == "delivered"
        assert refused.kind == "refused"
        assert "bearer_tokens_file" in refused.reason
        assert [each.tenant for each in at.sink.requests] == ["acme"]


def test_a_partial_success_says_how_much_was_left_out_and_why(scheme: str) -> None:
    with receivers() as at, client(endpoint(scheme, at)) as sender:
        reply = sender.export("traces", body(span(), span(trace_id=b"short")), {})
    assert (reply.kind, reply.rejected) == ("delivered", 1)
    assert "trace_id must be 16 bytes" in reply.reason


def test_a_receiver_without_room_is_to_be_tried_again_when_it_says(scheme: str) -> None:
    with receivers(MemorySink(full=True)) as at, client(endpoint(scheme, at)) as sender:
        reply = sender.export("traces", SIGNALS["traces"], {})
    assert reply.kind == "retry"
    assert reply.retry_after_s >= 1
    assert "the queue holds 10 of 10 bytes" in reply.reason


def test_what_is_malformed_is_refused_for_good(scheme: str) -> None:
    with receivers() as at, client(endpoint(scheme, at)) as sender:
        reply = sender.export("traces", b"\xff\xff", {})
    assert reply.kind == "refused"
    assert "ExportTraceServiceRequest" in reply.reason


def test_what_is_too_large_is_refused_for_good(scheme: str) -> None:
    with receivers(max_request_bytes=2048) as at, client(endpoint(scheme, at)) as sender:
        reply = sender.export("traces", body(span({"note": "x" * 4000})), {})
    assert reply.kind == "refused"


def test_what_the_receiver_does_not_take_is_refused_for_good(scheme: str) -> None:
    with receivers() as at, client(endpoint(scheme, at)) as sender:
        assert sender.export("traces", SIGNALS["traces"], {"x-otel-llm-replay": "events"}).kind == "refused"
    assert at.intake.refusals == {"not_taken": 1}


def test_nobody_there_is_to_be_tried_again(scheme: str) -> None:
    with client(f"{scheme}://127.0.0.1:{free_port()}") as sender:
        reply = sender.export("traces", SIGNALS["traces"], {})
    assert reply.kind == "retry"
    assert reply.reason


def test_a_receiver_that_does_not_answer_is_to_be_tried_again(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        settings = DestinationSettings(endpoint=url, timeout_s=0.3)
        sender = open_client(settings)
        assert sender.export("traces", SIGNALS["traces"], {}).kind == "retry"
        sender.close()


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"Retry-After": "7"}, ("retry", 7, True)),
        (502, {}, ("retry", 0, False)),
        (504, {"Retry-After": "soon"}, ("retry", 0, False)),
        (503, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, ("retry", 0, False)),
        (500, {"Retry-After": "7"}, ("refused", 0, False)),
        (400, {}, ("refused", 0, False)),
        (401, {}, ("refused", 0, True)),
        (404, {}, ("refused", 0, True)),
        (302, {"Location": "http://127.0.0.1:1/elsewhere"}, ("refused", 0, False)),
        (200, {"Content-Type": "application/x-protobuf"}, ("delivered", 0, False)),
    ],
)
def test_an_answer_of_http_counts_as_otlp_says(
    status: int, headers: dict, expected: tuple[str, int, bool]
) -> None:
    class Handler(BaseHTTPRequestHandler):  # a fake: answers that no receiver of ours gives
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"said" if status != 200 else b"\xff")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with client(f"http://127.0.0.1:{server.server_port}") as sender:
        reply = sender.export("traces", SIGNALS["traces"], {})
    thread.join()
    server.server_close()
    assert (reply.kind, reply.retry_after_s, reply.for_all) == expected
    if status != 200:
        assert f"HTTP {status}: said" in reply.reason
