import socket

import httpx
import pytest
from support.receivers import PROTOBUF, MemorySink, loop_in_thread, receivers, wait_until
from support.spans import body, span

from otel_llm.errors import PortTakenError
from otel_llm.ports import bind
from otel_llm.receive.in_flight import Hold, InFlight
from otel_llm.receive.refusal import Reason, Refusal
from otel_llm.receive.refusal_log import RefusalLog


def test_a_refusal_is_one_line_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with receivers(MemorySink(full=True)) as at:
        for _ in range(3):
            httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF)
        httpx.get(f"{at.http}/v1/logs")
    fields = [
        (line.message, line.reason, line.transport, line.signal, line.count, line.detail)
        for line in caplog.records
    ]
    assert fields == [
        ("refused", "overload", "http", "traces", 1, "the queue holds 10 of 10 bytes; try again"),
        ("refused", "method", "http", "logs", 1, "/v1/logs takes POST, got GET"),
    ]
    assert at.intake.refusals == {"overload": 3, "method": 1}


def test_items_that_are_rejected_are_in_the_log_and_say_nothing_of_their_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    large = span({"gen_ai.input.messages": "secret" * 500})
    with receivers(max_span_bytes=1024) as at:
        data = body(large, span({}), span({}, span_id=b""))
        httpx.post(f"{at.http}/v1/traces", content=data, headers=PROTOBUF)
    assert [(line.reason, line.count) for line in caplog.records] == [
        ("too_large_item", 1),
        ("malformed_item", 1),
    ]
    assert not any("secret" in line.detail for line in caplog.records)
    assert at.tally["http", "traces", "refused"] == 2


def test_refusals_of_one_reason_are_one_line_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    async def note(log: RefusalLog, count: int) -> None:
        for number in range(count):
            log.note("overload", "grpc", "traces", f"number {number}")

    with loop_in_thread() as run:
        log = RefusalLog(window_s=0.01)
        run(note(log, 1000))
        wait_until(lambda: len(caplog.records) == 2)
        wait_until(lambda: not log._waiting)
        run(note(log, 1))
        wait_until(lambda: not log._waiting)
    said = [(line.count, line.detail) for line in caplog.records]
    assert said == [(1, "number 0"), (999, "number 999"), (1, "number 0")]
    assert log.totals == {"overload": 1001}


def test_what_is_in_flight_is_given_back_whatever_happens() -> None:
    total = InFlight(100)
    with Hold(total) as first:
        first.resize(80)
        with Hold(total) as second:
            second.resize(20)
            first.resize(60)
            with pytest.raises(Refusal, match="80 bytes of requests are under way, and 21 more"):
                second.resize(41)
            assert total.bytes == 80
        assert total.bytes == 60
    assert total.bytes == 0


def test_a_long_message_is_cut() -> None:
    refusal = Refusal(Reason.MALFORMED, "x" * 5000)
    assert (len(refusal.message), refusal.message[-1]) == (1000, "…")


def test_a_port_may_be_shared_by_those_who_say_so() -> None:
    with bind("127.0.0.1", 0, "", reuse_port=True) as first:
        port = first.getsockname()[1]
        with bind("127.0.0.1", port, "", reuse_port=True) as second:
            second.listen()
            # the first has not listened, so that every connection comes to who accepts it
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", port), timeout=20):
                    second.accept()[0].close()
            with pytest.raises(PortTakenError):
                bind("127.0.0.1", port, "--http-port")


def test_two_receivers_share_their_ports() -> None:
    with receivers(reuse_port=True) as one:
        port = int(one.http.rpartition(":")[2])
        with bind("127.0.0.1", port, "", reuse_port=True):
            for _ in range(5):
                response = httpx.post(f"{one.http}/v1/traces", content=body(span()), headers=PROTOBUF)
                assert response.status_code == 200
        with bind("127.0.0.1", int(one.grpc.rpartition(":")[2]), "", reuse_port=True):
            pass
