"""The way of OTLP out of the service: what a destination refuses becomes a dead letter."""

from __future__ import annotations

import functools
from collections.abc import Callable, Set
from typing import Literal

from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.otlp.signals import Signal
from otel_llm.send.lane import SendOutcome
from otel_llm.send.sender import Sender


class Delivery:
    """Requests to one destination. Any thread may call.

    A request ends delivered, as a dead letter, or, when the service stops, as neither: then `done` is not called.
    """

    def __init__(self, stage: Literal["forward", "events"], sender: Sender, letters: DeadLetters) -> None:
        self._stage: Literal["forward", "events"] = stage
        self.sender = sender
        self._letters = letters

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return True if there is room for more, after waiting for room up to `timeout_s`."""
        return self.sender.wait_for_room(timeout_s)

    def held_tenants(self) -> Set[str]:
        """Return the tenants of which the destination takes nothing now."""
        return self.sender.held_tenants()

    def send(self, signal: Signal, body: bytes, items: int, tenant: str, done: Callable[[], None]) -> None:
        """Send a request, and call `done` once it is delivered or a dead letter. Never blocks."""
        self.sender.send(signal, body, items, tenant, functools.partial(self._ended, signal, tenant, done))

    def give_up(self, signal: Signal, tenant: str, body: bytes, reason: str) -> None:
        """Make a dead letter of a request that is not sent."""
        self._letters.add(self._stage, reason, signal, tenant, body)

    def close(self, timeout_s: float) -> int:
        """Send the requests that wait; return the number of items that were not sent within `timeout_s`."""
        return self.sender.close(timeout_s)

    def _ended(self, signal: Signal, tenant: str, done: Callable[[], None], outcome: SendOutcome) -> None:
        self._letters.add_all(self._stage, signal, tenant, [(outcome.reason, body) for body in outcome.refused])
        done()
