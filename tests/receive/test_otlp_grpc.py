from collections.abc import Iterator

import grpc
import pytest
from google.rpc.code_pb2 import INTERNAL, UNAVAILABLE
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.otlp import data_points, log_records, logs, metrics
from support.receivers import MemorySink, Receivers, receivers, wait_until
from support.spans import body, span

from otel_llm.otlp.signals import SIGNALS

UNLIMITED = [("grpc.max_send_message_length", -1)]
BODIES = {"traces": body(span()), "logs": logs(log_records(2)), "metrics": metrics(data_points(3))}


@pytest.fixture(scope="module")
def shared() -> Iterator[Receivers]:
    """Receivers for the tests that look at answers alone. They take requests of up to 100,000 bytes."""
    with receivers(max_request_bytes=100_000) as running:
        yield running


@pytest.fixture(scope="module")
def channel(shared: Receivers) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(shared.grpc, options=UNLIMITED) as channel:
        yield channel


def export(channel: grpc.Channel, data: bytes, signal: str = "traces", **options: object) -> bytes:
    return channel.unary_unary(f"/{SIGNALS[signal].service}/Export")(data, timeout=20, **options)


def refusal(channel: grpc.Channel, data: bytes, signal: str = "traces", **options: object) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        export(channel, data, signal, **options)
    return caught.value


def details(error: grpc.RpcError) -> Status:
    return Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])


def is_retryable(error: grpc.RpcError) -> bool:
    info = RetryInfo()
    return bool(details(error).details) and details(error).details[0].Unpack(info)


@pytest.mark.parametrize("compression", list(grpc.Compression))
@pytest.mark.parametrize("signal", SIGNALS)
def test_success_over_grpc_leaves_partial_success_unset(signal: str, compression: grpc.Compression) -> None:
    with receivers() as at, grpc.insecure_channel(at.grpc) as channel:
        assert export(channel, BODIES[signal], signal, compression=compression) == b""
    [taken] = at.sink.requests
    assert (taken.signal, taken.body) == (signal, BODIES[signal])
    assert at.tally["grpc", signal, "accepted"] == taken.items == {"traces": 1, "logs": 2, "metrics": 3}[signal]


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_empty_request_over_grpc_is_a_success(shared: Receivers, channel: grpc.Channel, signal: str) -> None:
    before = len(shared.sink.requests)
    assert export(channel, b"", signal) == b""
    assert len(shared.sink.requests) == before


def test_a_span_rejected_over_grpc_is_counted_and_named(channel: grpc.Channel) -> None:
    response = export(channel, body(span(), span(trace_id=b"short")))
    partial = ExportTraceServiceResponse.FromString(response).partial_success
    assert partial.rejected_spans == 1
    assert partial.error_message == "trace_id must be 16 bytes, not all zero, got '73686f7274'"


def test_a_log_record_and_a_metric_rejected_over_grpc_are_counted() -> None:
    with receivers(max_span_bytes=1024) as at, grpc.insecure_channel(at.grpc) as channel:
        many = logs(log_records(1), log_records(1, "x" * 2000))
        partial = ExportLogsServiceResponse.FromString(export(channel, many, "logs")).partial_success
        assert partial.rejected_log_records == 1
        assert partial.error_message.startswith("a log record must be at most 1024 bytes, got 2")
        many = metrics(data_points(4), data_points(5, "x" * 2000))
        partial = ExportMetricsServiceResponse.FromString(export(channel, many, "metrics")).partial_success
    assert partial.rejected_data_points == 5
    assert at.tally["grpc", "metrics", "accepted"] == 4
    assert at.tally["grpc", "metrics", "refused"] == 5
    assert [request.items for request in at.sink.requests] == [1, 4]


@pytest.mark.parametrize("signal", SIGNALS)
def test_malformed_protobuf_is_an_invalid_argument(channel: grpc.Channel, signal: str) -> None:
    error = refusal(channel, b"\x0a\xff", signal)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert f"the body is no {SIGNALS[signal].request.DESCRIPTOR.name}" in error.details()
    assert not is_retryable(error)


@pytest.mark.parametrize("compression", list(grpc.Compression))
def test_a_grpc_request_above_the_limit_is_refused_for_good(
    shared: Receivers, channel: grpc.Channel, compression: grpc.Compression
) -> None:
    before = shared.intake.refusals["no_message"]
    error = refusal(channel, bytes(5_000_000), compression=compression)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata() or ())
    wait_until(lambda: shared.intake.refusals["no_message"] == before + 1)
    wait_until(lambda: shared.intake.in_flight_bytes == 0)


def test_a_full_queue_refuses_retryably_over_grpc() -> None:
    with receivers(MemorySink(full=True)) as at, grpc.insecure_channel(at.grpc) as channel:
        error = refusal(channel, body(span()))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert error.details() == "the queue holds 10 of 10 bytes; try again"
    assert details(error).code == UNAVAILABLE
    info = RetryInfo()
    assert details(error).details[0].Unpack(info)
    assert info.retry_delay.seconds == 1
    assert at.tally["grpc", "traces", "refused"] == 1


def test_a_sink_without_room_refuses_before_the_message_is_read() -> None:
    sink = MemorySink(no_room="the lane is full")
    with receivers(sink) as at, grpc.insecure_channel(at.grpc, options=UNLIMITED) as channel:
        sending = channel.stream_unary(f"/{SIGNALS['traces'].service}/Export")
        with pytest.raises(grpc.RpcError) as caught:
            sending(_never(), timeout=20)  # the message never comes, the answer does
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert is_retryable(caught.value)
    assert sink.asked == [("traces", "", 0)]


def _never() -> Iterator[bytes]:
    import threading

    threading.Event().wait(30)
    yield b""


def test_a_message_that_does_not_come_in_time_is_refused() -> None:
    with receivers(read_timeout_s=0.05) as at, grpc.insecure_channel(at.grpc) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(f"/{SIGNALS['traces'].service}/Export")(_never(), timeout=20)
        wait_until(lambda: at.intake.in_flight_bytes == 0)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert "receive.read_timeout_s" in caught.value.details()


def test_a_fault_of_the_sink_is_an_internal_error_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with (
        receivers(MemorySink(fault=RuntimeError("disk"))) as at,
        grpc.insecure_channel(at.grpc) as channel,
    ):
        error = refusal(channel, body(span()))
        assert export(channel, body(span())) == b""
    assert details(error).code == INTERNAL
    assert "could not be taken" in caplog.text
    assert "RuntimeError: disk" in caplog.text


def test_a_grpc_sender_that_leaves_while_its_request_waits_holds_nothing_up() -> None:
    with (
        receivers(MemorySink(held_up=True)) as at,
        grpc.insecure_channel(at.grpc) as channel,
    ):
        call = channel.unary_unary(f"/{SIGNALS['traces'].service}/Export").future(body(span()))
        wait_until(lambda: at.sink.waiting == 1)
        assert at.intake.in_flight_bytes == len(body(span()))
        call.cancel()
        wait_until(lambda: at.sink.waiting == 0 and at.intake.in_flight_bytes == 0)
        at.sink.release()
        assert export(channel, body(span())) == b""
    assert at.intake.refusals["gone"] == 1
    assert (at.tally["grpc", "traces", "accepted"], at.tally["grpc", "traces", "refused"]) == (1, 1)


def test_grpc_requests_of_one_connection_are_answered_concurrently() -> None:
    with (
        receivers(MemorySink(held_up=True)) as at,
        grpc.insecure_channel(at.grpc) as channel,
    ):
        method = channel.unary_unary(f"/{SIGNALS['traces'].service}/Export")
        calls = [method.future(body(span()), timeout=20) for _ in range(20)]
        wait_until(lambda: at.sink.waiting == 20)
        at.sink.release()
        assert [call.result() for call in calls] == [b""] * 20


def test_a_connection_that_is_old_is_closed_and_the_sender_goes_on() -> None:
    keepalive = {"max_connection_age_s": 1}
    with receivers(keepalive=keepalive) as at, grpc.insecure_channel(at.grpc) as channel:
        states: list[grpc.ChannelConnectivity] = []
        channel.subscribe(states.append, try_to_connect=True)
        assert export(channel, body(span())) == b""
        ready = grpc.ChannelConnectivity.READY
        wait_until(lambda: ready in states and states[-1] is not ready)
        assert export(channel, body(span())) == b""
        channel.unsubscribe(states.append)


def test_small_limits_leave_room_for_one_request() -> None:
    limits = {"max_request_bytes": 2_000, "max_in_flight_bytes": 2_000}
    with receivers(MemorySink(held_up=True), **limits) as at, grpc.insecure_channel(at.grpc) as channel:
        method = channel.unary_unary(f"/{SIGNALS['traces'].service}/Export")
        first = method.future(body(span()), timeout=20)
        wait_until(lambda: at.sink.waiting == 1)
        error = refusal(channel, body(*[span({})] * 20))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert "above receive.max_in_flight_bytes (2000)" in error.details()
        at.sink.release()
        assert first.result() == b""
        wait_until(lambda: at.intake.in_flight_bytes == 0)
        assert export(channel, body(span())) == b""


def test_a_grpc_sender_that_leaves_before_its_message_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    with receivers() as at, grpc.insecure_channel(at.grpc) as channel:
        call = channel.stream_unary(f"/{SIGNALS['traces'].service}/Export").future(_never())
        wait_until(lambda: at.intake.in_flight_bytes > 0)
        call.cancel()
        wait_until(lambda: at.intake.in_flight_bytes == 0)
        assert export(channel, body(span())) == b""
    # grpc either ends the reading or cancels the handler, whichever comes first
    assert at.intake.refusals in ({}, {"no_message": 1})
    assert "could not be taken" not in caplog.text


def test_a_stream_without_a_message_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.stream_unary(f"/{SIGNALS['traces'].service}/Export")(iter(()), timeout=20)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_metadata_has_a_limit(channel: grpc.Channel) -> None:
    error = refusal(channel, b"", metadata=[("x-large", "x" * 20_000)])
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
