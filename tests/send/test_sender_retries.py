"""When a sender tries again, how long, and what is a dead letter afterwards."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from support.otlp import data_points, metrics
from support.receivers import wait_until
from support.spans import body, request, span

from otel_llm.config.send import DestinationSettings
from otel_llm.send.lane import SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.sender import Sender

DELIVERED, BUSY = Reply("delivered"), Reply("retry", "busy")


@dataclass
class Answers:
    """A client of the test's own: a reply for each attempt, the last one for all that follow."""

    replies: list[Reply]
    bodies: list[bytes] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def export(self, signal: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        with self._lock:
            self.bodies.append(body)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def close(self) -> None:
        pass


@dataclass
class Run:
    """A sender, what it counted, and what became of each request."""

    client: object
    retry: dict[str, float]
    connections: int = 1
    max_request_bytes: int = 2000
    delivered: int = 0
    failed: int = 0
    outcomes: list[SendOutcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = DestinationSettings(
            endpoint="http://localhost:1",
            batch_delay_s=0,
            connections=self.connections,
            max_request_bytes=self.max_request_bytes,
            retry={"initial_s": 0.01, "max_s": 0.02} | self.retry,
        )
        self.sender = Sender("backend", self.client, settings, self)

    def sent(self, exporter: str, signal: str, items: int) -> None:
        self.delivered += items

    def send_failed(self, exporter: str, signal: str, items: int) -> None:
        self.failed += items

    def send(self, content: bytes = b"a", signal: str = "traces", items: int = 1, tenant: str = "") -> None:
        self.sender.send(signal, content, items, tenant, self.outcomes.append)

    def outcome(self) -> SendOutcome:
        """The only one, once nothing is pending any more."""
        wait_until(lambda: not self.sender.pending_bytes)
        [outcome] = self.outcomes
        return outcome


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    made: list[Run] = []
    yield made
    for run in made:
        run.sender.close(5)


def large(count: int) -> bytes:
    """A request of spans of which three fit into a part."""
    return body(*(span({"note": "x" * 500}, span_id=number.to_bytes(8)) for number in range(1, count + 1)))


def span_ids(content: bytes) -> list[int]:
    export = type(request()).FromString(content)
    return [
        int.from_bytes(each.span_id)
        for resource in export.resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
    ]


def test_of_a_large_request_that_expires_only_what_was_not_delivered_is_refused(runs: list[Run]) -> None:
    client = Answers([DELIVERED, BUSY])
    runs.append(run := Run(client, {"max_elapsed_s": 0.1}))
    run.send(large(8), items=8)
    outcome = run.outcome()
    assert span_ids(client.bodies[0]) == [1, 2, 3]
    assert [span_ids(part) for part in outcome.refused] == [[4, 5, 6], [7, 8]]
    assert outcome.reason == "busy, for 0.1 s"
    assert (run.delivered, run.failed) == (3, 5)
    assert span_ids(client.bodies[-1]) == [4, 5, 6]  # the rest is not tried for as long again


def test_nobody_is_told_of_a_large_request_that_the_end_cuts_short(runs: list[Run]) -> None:
    client = Answers([DELIVERED, BUSY])
    runs.append(run := Run(client, {}))
    run.send(large(8), items=8)
    wait_until(lambda: len(client.bodies) >= 2)
    assert run.sender.close(0.2) == 5
    assert run.outcomes == []
    assert (run.delivered, run.failed) == (3, 0)


def test_a_part_that_is_refused_leaves_the_parts_after_it_alone(runs: list[Run]) -> None:
    runs.append(run := Run(Answers([DELIVERED, Reply("refused", "bad"), DELIVERED]), {}))
    run.send(large(8), items=8)
    outcome = run.outcome()
    assert ([span_ids(part) for part in outcome.refused], outcome.reason) == ([[4, 5, 6]], "bad")
    assert (run.delivered, run.failed) == (5, 3)


def test_a_partial_success_of_a_part_is_counted_and_told(
    runs: list[Run], caplog: pytest.LogCaptureFixture
) -> None:
    runs.append(run := Run(Answers([DELIVERED, Reply("delivered", "too old", rejected=2), DELIVERED]), {}))
    run.send(large(8), items=8)
    assert run.outcome() == SendOutcome([])
    assert (run.delivered, run.failed) == (6, 2)
    assert "backend: the receiver left out 2 of 3 items: too old" in caplog.text


def test_a_receiver_that_left_out_more_than_there_was_left_out_all(runs: list[Run]) -> None:
    runs.append(run := Run(Answers([Reply("delivered", "odd", rejected=9)]), {}))
    run.send(items=2)
    assert run.outcome() == SendOutcome()
    assert (run.delivered, run.failed) == (0, 2)


def test_data_points_are_counted_by_part(runs: list[Run]) -> None:
    sizes = (40, 1, 30)  # a part each
    said = [data_points(count, name=f"{count:04}" * 200) for count in sizes]
    runs.append(run := Run(Answers([DELIVERED, Reply("refused", "bad"), DELIVERED]), {}))
    run.send(metrics(*said), signal="metrics", items=sum(sizes))
    assert len(run.outcome().refused) == 1
    assert (run.delivered, run.failed) == (70, 1)


def test_a_large_request_that_is_none_is_refused_whole(runs: list[Run]) -> None:
    client = Answers([DELIVERED])
    runs.append(run := Run(client, {}))
    run.send(b"\xff" * 3000, items=4)
    assert run.outcome().refused == [b"\xff" * 3000]
    assert "the body is no ExportTraceServiceRequest" in run.outcome().reason
    assert (run.delivered, run.failed, client.bodies) == (0, 4, [])


def test_who_fails_to_listen_costs_neither_a_thread_nor_room(
    runs: list[Run], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: SendOutcome) -> None:
        raise OSError("the disk is full")

    runs.append(run := Run(Answers([DELIVERED]), {}))
    for content in (b"small", large(8)):
        run.sender.send("traces", content, 1, "", fails)
    run.send()
    assert run.outcome() == SendOutcome()
    assert run.sender.close(5) == 0
    assert caplog.text.count("OSError: the disk is full") == 2
