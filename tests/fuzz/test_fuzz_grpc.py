"""Whatever is sent over gRPC: taken or refused as docs/otlp.md says, and the next sender is heard."""

import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import pytest
from fuzzing import CORPUS, bodies, fuzzing, mutated_bytes
from hypothesis import given
from hypothesis import strategies as st
from support.receivers import MemorySink, Receivers, receivers
from support.spans import body, span

from otel_llm.otlp.signals import SIGNALS, Signal

DOCS = Path(__file__).parents[2] / "docs" / "otlp.md"
DOCUMENTED = set(re.findall(r"\| (OK|[A-Z]+_?[A-Z]+)\b[^|]* \|$", DOCS.read_text(), re.MULTILINE))
SENDERS_FAULT = DOCUMENTED - {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
BODIES = mutated_bytes(bodies("traces") + bodies("logs"))
METADATA = st.lists(
    st.tuples(
        st.sampled_from(
            ["x-tenant", "x-otel-llm-replay", "authorization", "content-encoding", "llamas", "llamas-bin"]
        ),
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def at() -> Iterator[Receivers]:
    with receivers(tenant_header="x-tenant", max_tenants=3, max_request_bytes=1_000_000) as running:
        yield running


@pytest.fixture(scope="module")
def channel(at: Receivers) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(at.grpc) as channel:
        yield channel


def export(
    channel: grpc.Channel,
    signal: Signal,
    *messages: bytes,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    compression: grpc.Compression = grpc.Compression.NoCompression,
) -> str:
    """Return the status of an export of so many messages, of which the service expects one."""
    method = channel.stream_unary(f"/{SIGNALS[signal].service}/Export")
    try:
        answer = method(iter(messages), timeout=60, metadata=metadata, compression=compression)
    except grpc.RpcError as error:
        return error.code().name
    SIGNALS[signal].response.FromString(answer)
    return "OK"


def taken(sink: MemorySink) -> list[int]:
    """How many items each request had that was taken since the last time."""
    items = [request.items for request in sink.requests]
    sink.requests.clear()
    sink.asked.clear()
    return items


def test_the_statuses_are_read_from_the_documentation() -> None:
    assert {"OK", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "INTERNAL"} <= DOCUMENTED
    assert {code.name for code in grpc.StatusCode} >= DOCUMENTED


@given(
    signal=st.sampled_from(list(SIGNALS)),
    data=BODIES | st.binary(max_size=400),
    compression=st.sampled_from(grpc.Compression),
)
@fuzzing
def test_mutated_and_random_messages(
    at: Receivers, channel: grpc.Channel, signal: Signal, data: bytes, compression: grpc.Compression
) -> None:
    status = export(channel, signal, data, compression=compression)
    assert status in {"OK", "INVALID_ARGUMENT"}
    assert status == "OK" or taken(at.sink) == []
    assert all(taken(at.sink))


@given(messages=st.lists(BODIES, max_size=3), metadata=METADATA)
@fuzzing
def test_other_counts_of_messages_and_odd_metadata(
    at: Receivers, channel: grpc.Channel, messages: list[bytes], metadata: list[tuple[str, str]]
) -> None:
    pairs = [(key, value.encode() if key.endswith("-bin") else value) for key, value in metadata]
    assert export(channel, "traces", *messages, metadata=pairs) in SENDERS_FAULT
    assert len(taken(at.sink)) <= 1


@given(data=st.binary(min_size=1, max_size=200), greets=st.booleans())
@fuzzing
def test_bytes_that_are_no_http2(at: Receivers, channel: grpc.Channel, data: bytes, greets: bool) -> None:
    host, port = at.grpc.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" * greets + data)
    assert export(channel, "traces", body(span())) == "OK"
    assert taken(at.sink) == [1]


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*-*.bin")), ids=lambda path: path.name)
def test_what_was_found_once_is_answered_over_grpc(channel: grpc.Channel, path: Path) -> None:
    assert export(channel, path.name.split("-")[0], path.read_bytes()) in {"OK", "INVALID_ARGUMENT"}
