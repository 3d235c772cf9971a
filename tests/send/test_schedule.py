"""One tenant that a destination holds off, and what it costs the others: nothing."""

import functools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from support.receivers import wait_until
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.send.client import Reply
from otel_llm.send.sender import Outcome, Sender

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
        self.ended: list[tuple[str, Outcome]] = []

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
    assert run.ended == [("zoo", Outcome())] * 20
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


def test_a_tenant_whose_failures_look_like_an_outage_is_asked_ever_more_seldom(runs: list[Run]) -> None:
    runs.append(run := Run({"acme": DOWN}, retry={"initial_s": 0.05, "max_s": 30}))
    started = time.monotonic()
    run.send("acme")
    while time.monotonic() - started < 2:
        before = len(run.ended)
        run.send("zoo")
        wait_until(functools.partial(lambda before: len(run.ended) > before, before))
    asked = sum(tenant == "acme" for tenant, _ in run.client.sent)
    assert 3 <= asked <= 8  # 0.04 s and twice as long each time, and not every 0.04 s
    assert len(run.ended) > 100


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
    wait_until(lambda: run.ended == [("acme", Outcome())])
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
    assert run.ended == [("acme", Outcome())]


def test_a_large_request_without_items_is_done_with(runs: list[Run]) -> None:
    empty = body(service="x" * 3000)
    runs.append(run := Run({}, max_request_bytes=1024))
    run.send("acme", empty)
    run.send("acme", body(span()))
    wait_until(lambda: len(run.ended) == 2)
    assert run.sender.pending_bytes == 0


@pytest.mark.parametrize("later", [DELIVERED, DOWN], ids=["delivered", "down"])
def test_a_pause_that_was_asked_for_outlasts_an_attempt_that_began_before(runs: list[Run], later: Reply) -> None:
    runs.append(run := Run({}, connections=2, retry={"initial_s": 0.01, "max_s": 0.01}))
    gates = {b"first": threading.Event(), b"second": threading.Event()}

    def export(signal: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        run.client.sent.append(("acme", body))
        assert gates[body].wait(20)
        return LIMITED if body == b"first" else later

    run.client.export = export
    for sent, content in enumerate(gates, 1):
        run.send("acme", content)
        wait_until(functools.partial(lambda sent: len(run.client.sent) == sent, sent))
    for gate, reason in zip(gates.values(), ("over its limit", ""), strict=True):
        gate.set()
        wait_until(functools.partial(lambda reason: run.sender.last_error or not reason, reason))
    time.sleep(0.2)  # in which a pause of our own would have been over many times
    assert len(run.client.sent) == 2


def test_a_pause_outlasts_the_requests_whose_time_is_over(runs: list[Run]) -> None:
    runs.append(run := Run({"acme": LIMITED}, retry={"max_elapsed_s": 30}))
    for number in range(1, 6):
        run.send("acme")
        wait_until(functools.partial(lambda number: len(run.ended) == number, number))
    assert len(run.client.sent) == 1
    assert run.sender.close(5) == 0


def test_who_comes_while_another_one_alone_fails_does_not_wait_for_that(runs: list[Run]) -> None:
    runs.append(run := Run({"acme": DOWN}, retry={"initial_s": 0.05, "max_s": 60}))
    run.send("acme")
    wait_until(lambda: len(run.client.sent) == 7)  # the next attempt comes after a second and a half or more
    started = time.monotonic()
    run.send("zoo")
    wait_until(lambda: run.ended)
    assert time.monotonic() - started < 1
