"""The sender, in front of a client of the test's own that answers as told, and of a real receiver."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from support.receivers import MemorySink, receivers, wait_until
from support.spans import body, request, span

from otel_llm.config.send import DestinationSettings
from otel_llm.ports import free_port
from otel_llm.send.client import open_client
from otel_llm.send.lane import SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.sender import Sender

DELIVERED, RETRY, REFUSED = Reply("delivered"), Reply("retry", "busy"), Reply("refused", "bad")
FAST = {"initial_s": 0.01, "max_s": 0.02}


@dataclass
class Scripted:
    """A client that keeps what it is given, and replies by a function."""

    reply: Callable[[bytes], Reply] = lambda _: DELIVERED
    sent: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    in_flight: int = 0
    most_in_flight: int = 0
    closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.gate.set()

    def export(self, signal: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        assert self.gate.wait(20)
        with self._lock:
            self.in_flight -= 1
            self.sent.append((signal, body, dict(headers)))
        return self.reply(body)

    def close(self) -> None:
        self.closed = True
        self.gate.set()


@dataclass
class Counted:
    delivered: int = 0
    failed: int = 0

    def sent(self, exporter: str, signal: str, items: int) -> None:
        self.delivered += items

    def send_failed(self, exporter: str, signal: str, items: int) -> None:
        self.failed += items


class Sending:
    """A sender, with what became of each request."""

    def __init__(self, client: object, **settings: object) -> None:
        given = {"endpoint": "http://localhost:1", "batch_delay_s": 0, "connections": 1, "retry": FAST} | settings
        self.counted = Counted()
        self.outcomes: list[tuple[str, SendOutcome]] = []
        self.sender = Sender("backend", client, DestinationSettings(**given), self.counted)

    def send(self, name: str, content: bytes, signal: str = "traces", tenant: str = "", items: int = 1) -> None:
        self.sender.send(signal, content, items, tenant, lambda outcome: self.outcomes.append((name, outcome)))

    def wait_for(self, *names: str) -> None:
        wait_until(lambda: len(self.outcomes) >= len(names))
        assert [name for name, _ in self.outcomes] == list(names)


@pytest.fixture
def client() -> Scripted:
    return Scripted()


@pytest.fixture
def opened() -> Iterator[list[Sending]]:
    made: list[Sending] = []
    yield made
    for each in made:
        each.sender.close(5)


def test_requests_that_wait_are_joined_into_one(client: Scripted, opened: list[Sending]) -> None:
    client.gate.clear()
    opened.append(sending := Sending(client))
    sending.send("first", b"a")
    wait_until(lambda: client.in_flight)
    sending.send("second", b"b")
    sending.send("third", b"c")
    client.gate.set()
    sending.wait_for("first", "second", "third")
    assert [content for _, content, _ in client.sent] == [b"a", b"bc"]
    assert sending.counted.delivered == 3


def test_what_is_joined_stays_below_the_limit(client: Scripted, opened: list[Sending]) -> None:
    client.gate.clear()
    opened.append(sending := Sending(client, max_request_bytes=1024))
    for number in range(5):
        sending.send(str(number), b"x" * 400)
    client.gate.set()
    sending.wait_for(*map(str, range(5)))
    assert max(len(content) for _, content, _ in client.sent) <= 1024
    assert sum(len(content) for _, content, _ in client.sent) == 2000


def test_signals_and_tenants_are_not_mixed(client: Scripted, opened: list[Sending]) -> None:
    client.gate.clear()
    opened.append(sending := Sending(client, headers={"Authorization": "Bearer x"}))
    sending.send("a", b"a", tenant="acme")
    sending.send("b", b"b", tenant="zoo")
    sending.send("c", b"c", signal="logs", tenant="acme")
    sending.send("d", b"d")
    client.gate.set()
    wait_until(lambda: len(sending.outcomes) == 4)
    seen = {(signal, content, headers.get("x-scope-orgid")) for signal, content, headers in client.sent}
    assert seen == {
        ("traces", b"a", "acme"),
        ("traces", b"b", "zoo"),
        ("logs", b"c", "acme"),
        ("traces", b"d", None),
    }
    assert all(headers["authorization"] == "Bearer x" for _, _, headers in client.sent)


def test_a_tenant_is_named_once_whatever_the_headers_say(client: Scripted, opened: list[Sending]) -> None:
    opened.append(sending := Sending(client, headers={"x-scope-orgid": "fallback"}))
    sending.send("a", b"a", tenant="acme")
    sending.send("b", b"b")
    wait_until(lambda: len(sending.outcomes) == 2)
    assert sorted(headers["x-scope-orgid"] for _, _, headers in client.sent) == ["acme", "fallback"]


def test_a_request_that_is_too_large_is_sent_in_parts(client: Scripted, opened: list[Sending]) -> None:
    opened.append(sending := Sending(client, max_request_bytes=2000))
    content = body(*(span({"note": "x" * 500}, span_id=number.to_bytes(8)) for number in range(1, 9)))
    sending.send("large", content, items=8)
    sending.wait_for("large")
    assert sending.outcomes == [("large", SendOutcome([]))]
    assert len(client.sent) >= 3
    assert max(len(part) for _, part, _ in client.sent) <= 2000
    assert sending.counted.delivered == 8


def test_an_item_that_is_too_large_costs_only_itself(client: Scripted, opened: list[Sending]) -> None:
    opened.append(sending := Sending(client, max_request_bytes=2000))
    small, large = span({"note": "small"}), span({"note": "x" * 3000})
    sending.send("mixed", body(small, large, small), items=3)
    sending.wait_for("mixed")
    [(_, outcome)] = sending.outcomes
    assert [type(request()).FromString(each) for each in outcome.refused] == [request(large)]
    assert "more than max_request_bytes" in outcome.reason
    assert (sending.counted.delivered, sending.counted.failed) == (2, 1)


def test_a_refused_request_costs_only_itself_of_those_it_was_joined_with(
    client: Scripted, opened: list[Sending]
) -> None:
    client.reply = lambda content: REFUSED if b"bad" in content else DELIVERED
    client.gate.clear()
    opened.append(sending := Sending(client, batch_delay_s=0.05))
    for content in (b"one", b"bad", b"two"):
        sending.send(content.decode(), content)
    client.gate.set()
    sending.wait_for("one", "bad", "two")
    assert dict(sending.outcomes) == {
        "one": SendOutcome(),
        "two": SendOutcome(),
        "bad": SendOutcome([b"bad"], "bad"),
    }
    assert (sending.counted.delivered, sending.counted.failed) == (2, 1)


def test_what_is_refused_whatever_it_is_is_not_tried_request_by_request(
    client: Scripted, opened: list[Sending]
) -> None:
    client.reply = lambda _: Reply("refused", "HTTP 401", for_all=True)
    sending = Sending(client, batch_delay_s=30)
    for name in ("one", "two", "three"):
        sending.send(name, name.encode())
    assert sending.sender.close(20) == 0
    sending.wait_for("one", "two", "three")
    assert [content for _, content, _ in client.sent] == [b"onetwothree"]
    assert {outcome.reason for _, outcome in sending.outcomes} == {"HTTP 401"}


def test_what_is_not_taken_is_tried_again_until_it_is(client: Scripted, opened: list[Sending]) -> None:
    replies = iter([RETRY, RETRY, Reply("retry", "busy", retry_after_s=0.15), DELIVERED])
    client.reply = lambda _: next(replies)
    opened.append(sending := Sending(client))
    started = time.monotonic()
    sending.send("a", b"a")
    sending.wait_for("a")
    assert time.monotonic() - started >= 0.15
    assert len(client.sent) == 4
    assert sending.sender.last_error == ""


def test_while_the_destination_is_down_one_thread_tries_for_all(client: Scripted, opened: list[Sending]) -> None:
    client.reply = lambda _: RETRY
    opened.append(sending := Sending(client, connections=8))
    for number in range(8):
        sending.send(str(number), b"x", tenant=f"tenant-{number}")
    # once each tenant was tried, the attempts that began before the outage have ended
    wait_until(lambda: len({headers["x-scope-orgid"] for _, _, headers in client.sent[:]}) == 8)
    tried = len(client.sent)
    client.most_in_flight = 0
    wait_until(lambda: len(client.sent) >= tried + 20)
    assert client.most_in_flight == 1
    assert sending.sender.last_error == "busy"
    client.reply = lambda _: DELIVERED
    wait_until(lambda: len(sending.outcomes) == 8)


def test_a_request_is_given_up_after_its_time(client: Scripted, opened: list[Sending]) -> None:
    client.reply = lambda _: RETRY
    opened.append(sending := Sending(client, retry=FAST | {"max_elapsed_s": 0.1}))
    sending.send("a", b"a")
    sending.wait_for("a")
    assert sending.outcomes == [("a", SendOutcome([b"a"], "busy, for 0.1 s"))]


def test_there_is_room_until_so_many_bytes_wait(client: Scripted, opened: list[Sending]) -> None:
    client.gate.clear()
    opened.append(sending := Sending(client, queue_bytes=1024))
    sending.send("a", b"x" * 1024)
    assert not sending.sender.wait_for_room(0.01)
    assert sending.sender.pending_bytes == sending.sender.capacity_bytes == 1024
    client.gate.set()
    assert sending.sender.wait_for_room(20)
    sending.wait_for("a")


def test_an_attempt_that_raises_is_a_refusal(
    client: Scripted, opened: list[Sending], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: bytes) -> Reply:
        raise RuntimeError("a bug")

    client.reply = fails
    opened.append(sending := Sending(client))
    sending.send("a", b"a")
    sending.wait_for("a")
    assert sending.outcomes == [("a", SendOutcome([b"a"], "RuntimeError: a bug"))]
    client.reply = lambda _: DELIVERED
    sending.send("b", b"b")
    sending.wait_for("a", "b")
    assert "RuntimeError: a bug" in caplog.text


def test_closing_sends_what_waits(client: Scripted) -> None:
    sending = Sending(client, batch_delay_s=30)
    for number in range(3):
        sending.send(str(number), b"x")
    assert sending.sender.close(20) == 0
    assert len(sending.outcomes) == 3
    assert client.closed


def test_closing_keeps_its_deadline_and_tells_nobody_that_it_is_done() -> None:
    client = open_client(DestinationSettings(endpoint=f"http://127.0.0.1:{free_port()}"))
    sending = Sending(client, connections=2)
    sending.send("a", b"x", items=7)
    started = time.monotonic()
    assert sending.sender.close(0.3) == 7  # without the deadline, attempts would go on for ever
    assert time.monotonic() - started < 60
    assert sending.outcomes == []


def test_a_receiver_that_is_full_for_a_while_gets_everything_in_the_end() -> None:
    with receivers(MemorySink(full=True)) as at:
        sending = Sending(open_client(DestinationSettings(endpoint=f"grpc://{at.grpc}")), connections=2)
        for number in range(1, 6):
            sending.send(str(number), body(span(span_id=number.to_bytes(8))))
        wait_until(lambda: sending.sender.last_error)
        assert sending.outcomes == []
        at.sink.full = False
        wait_until(lambda: len(sending.outcomes) == 5)
        assert {each.span_id for each in at.sink.spans()} == {number.to_bytes(8) for number in range(1, 6)}
        assert sending.sender.close(5) == 0
