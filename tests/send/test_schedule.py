"""One tenant that a destination holds off, and what it costs the others: nothing."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from support.receivers import wait_until
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.send.lane import SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.sender import Sender

DELIVERED, DOWN = Reply("delivered"), Reply("retry", "down")
LIMITED = Reply("retry", "over its limit", retry_after_s=60, for_all=True)


@dataclass
class ByTenant:
    """A client of the test's own: a reply for each tenant."""

    replies: dict[str, Reply]
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def export(self, signal: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        tenant = headers.get("x-scope-orgid", "")
        self.sent.append((tenant, body))
        return self.replies.get(tenant, DELIVERED)

    def close(self) -> None:
        pass


class Uncounted:
    def sent(self, exporter: str, signal: str, items: int) -> None:
        pass

    send_failed = sent


class Run:
    """A sender with one connection, and what became of each request."""

    def __init__(self, replies: dict[str, Reply], **settings: object) -> None:
        given = {"endpoint": "http://localhost:1", "batch_delay_s": 0, "connections": 1} | settings
        self.client = ByTenant(replies)
        self.sender = Sender("forward", self.client, DestinationSettings(**given), Uncounted())
        self.ended: list[tuple[str, SendOutcome]] = []

    def send(self, tenant: str, content: bytes = b"x", signal: str = "traces") -> None:
        self.sender.send(signal, content, 1, tenant, lambda outcome: self.ended.append((tenant, outcome)))


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    made: list[Run] = []
    yield made
    for run in made:
        run.sender.close(0)


@pytest.mark.parametrize("reply", [LIMITED, LIMITED._replace(for_all=False)], ids=["limited", "asks for a pause"])
def test_a_tenant_that_is_held_off_holds_up_no_other_one(runs: list[Run], reply: Reply) -> None:
    runs.append(run := Run({"acme": reply}, retry={"initial_s": 0.01, "max_s": 0.02}))
    run.send("acme")
    wait_until(lambda: run.client.sent)
    for number in range(20):
        run.send("zoo", str(number).encode())
        run.send("acme")
    wait_until(lambda: len(run.ended) == 20)
    assert run.ended == [("zoo", SendOutcome())] * 20
    assert run.client.sent.count(("acme", b"x")) == 1  # it is asked nothing more within its pause
    assert run.sender.last_error == "over its limit"


def test_a_signal_that_is_held_off_holds_up_no_other_one(runs: list[Run]) -> None:
    runs.append(run := Run({"acme": LIMITED}))
    run.send("acme", signal="logs")
    wait_until(lambda: run.client.sent)
    run.client.replies.clear()
    run.send("acme", signal="traces")
    wait_until(lambda: run.ended)
    assert len(run.client.sent) == 2


def test_who_is_held_off_may_have_half_of_the_room(runs: list[Run]) -> None:
    runs.append(run := Run({"acme": LIMITED}, queue_bytes=10_000))
    run.send("acme", bytes(4_900))
    wait_until(lambda: run.sender.last_error)
    assert run.sender.held_tenants() == set()
    run.send("acme", bytes(100))
    assert run.sender.held_tenants() == {"acme"}
    assert run.sender.wait_for_room(0)
    run.send("zoo", bytes(4_000))
    wait_until(lambda: run.ended)
    assert run.sender.pending_bytes == 5_000


def test_a_tenant_is_held_no_longer_once_it_is_taken_again(
    runs: list[Run], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    runs.append(run := Run({"acme": LIMITED._replace(retry_after_s=0.1)}, queue_bytes=1_024))
    run.send("acme", bytes(600))
    wait_until(lambda: run.sender.held_tenants() == {"acme"})
    run.client.replies.clear()
    wait_until(lambda: run.ended == [("acme", SendOutcome())])
    assert run.sender.held_tenants() == set()
    assert run.sender.last_error == ""
    assert caplog.messages[0] == "forward, traces of tenant 'acme': not taken, and tried again: over its limit"
    assert caplog.messages[-1].startswith("forward, traces of tenant 'acme': taken again after ")


def test_at_the_end_pauses_that_were_asked_for_are_cut_short(runs: list[Run]) -> None:
    runs.append(run := Run({"acme": LIMITED}))
    run.send("acme")
    wait_until(lambda: run.sender.last_error)
    run.client.replies.clear()
    assert run.sender.close(10) == 0
    assert run.ended == [("acme", SendOutcome())]


def test_a_large_request_without_items_is_done_with(runs: list[Run]) -> None:
    empty = body(service="x" * 3000)
    runs.append(run := Run({}, max_request_bytes=1024))
    run.send("acme", empty)
    run.send("acme", body(span()))
    wait_until(lambda: len(run.ended) == 2)
    assert run.sender.pending_bytes == 0


def test_a_pause_outlasts_the_requests_whose_time_is_over(runs: list[Run]) -> None:
    runs.append(run := Run({"acme": LIMITED}, retry={"max_elapsed_s": 30}))
    for number in range(1, 6):
        run.send("acme")
        wait_until(functools.partial(lambda number: len(run.ended) == number, number))
    assert len(run.client.sent) == 1
    assert run.sender.close(5) == 0
