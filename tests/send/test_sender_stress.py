"""The sender under random answers, from random senders, with a random end: each request is told of once."""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping

import pytest
from support.receivers import wait_until
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.send.lane import SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.sender import Sender

ANSWERS = [
    *[Reply("delivered")] * 8,
    Reply("delivered", "too old", rejected=1),
    Reply("refused", "bad"),
    Reply("refused", "no permission", for_all=True),
    Reply("retry", "down"),
    Reply("retry", "busy", retry_after_s=0.02),
    Reply("retry", "over its limit", retry_after_s=0.02, for_all=True),
]
LIMIT = 1024


class Moody:
    """A client of the test's own, which answers at random, and now and then fails."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.largest = 0

    def export(self, signal: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        with self._lock:
            self.largest = max(self.largest, len(body))
            choice = self._random.randrange(len(ANSWERS) + 1)
            pause_s = self._random.random() * 0.002
        time.sleep(pause_s)
        if choice == len(ANSWERS):
            raise RuntimeError("a bug")
        return ANSWERS[choice]

    def close(self) -> None:
        pass


class Counts:
    def __init__(self) -> None:
        self.items: Counter[str] = Counter()
        self._lock = threading.Lock()

    def sent(self, exporter: str, signal: str, items: int) -> None:
        with self._lock:
            self.items[signal] += items

    send_failed = sent


def some_request(choice: random.Random) -> tuple[bytes, int]:
    if choice.random() < 0.05:
        return b"\xff" * 2 * LIMIT, 1  # too large, and none that can be split
    count = choice.choice([1, 1, 1, 3, 9])
    return body(*(span({"note": "x" * choice.choice([10, 300, 2000])}) for _ in range(count))), count


@pytest.mark.parametrize("seed", range(20))
def test_each_request_is_told_of_once_whatever_the_destination_answers(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    choice = random.Random(seed)
    settings = DestinationSettings(
        endpoint="http://localhost:1",
        max_request_bytes=LIMIT,
        batch_delay_s=choice.choice([0, 0.005]),
        connections=choice.choice([1, 2, 6]),
        retry={"initial_s": 0.002, "max_s": 0.01, "max_elapsed_s": choice.choice([0, 0, 0.05])},
    )
    client, counts = Moody(seed), Counts()
    sender = Sender("backend", client, settings, counts)
    told: Counter[int] = Counter()

    def told_of(number: int, outcome: SendOutcome) -> None:
        told[number] += 1

    requests, items = choice.randrange(20, 120), Counter[str]()
    for number in range(requests):
        signal = choice.choice(["traces", "traces", "logs"])
        content, count = some_request(choice) if signal == "traces" else (b"x" * choice.randrange(200), 1)
        items[signal] += count
        sender.send(signal, content, count, choice.choice(["", "a", "b"]), lambda o, n=number: told_of(n, o))
        if choice.random() < 0.2:
            time.sleep(choice.random() * 0.005)
        assert sender.held_tenants() <= {"", "a", "b"}
    if ends_early := choice.random() < 0.3:
        left = sender.close(choice.choice([0, 0.02]))
    else:
        wait_until(lambda: len(told) == requests)
        left = sender.close(20)
    for thread in sender.threads:
        thread.join(20)
        assert not thread.is_alive()
    assert max(told.values()) == 1
    assert client.largest <= LIMIT
    if not ends_early:
        assert (len(told), left, sender.pending_bytes) == (requests, 0, 0)
        assert counts.items == items
