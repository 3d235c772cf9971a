"""When a request is tried: a destination that is down gets a pause, and so does a tenant that it holds off."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Sequence, Set
from typing import Final, NamedTuple

from otel_llm.config.send import LONGEST_ASKED_PAUSE_S, DestinationSettings
from otel_llm.send.client import Reply
from otel_llm.send.waiting import Key, Lines, Rest, Waiting

_LAST_PAUSE_S: Final = 0.1
"""The longest one once the end has begun: all that can be delivered is, and soon."""

_log: Final = logging.getLogger(__name__)


class Batch(NamedTuple):
    """Requests that leave together, or whose time is over."""

    key: Key
    requests: Sequence[Waiting]
    over: Reply | None = None
    """What is said of requests that are tried no more."""
    outage_failures: int = 0
    """Attempts in a row that had failed by the destination's fault when this one began."""
    line_failures: int = 0
    """Those that had failed by the line's."""


class Schedule:
    """The lines of requests, and what the replies say of them. For one thread at a time.

    While the destination is down, one batch at a time is tried for all. Where it does not take what one tenant
    sends, or what is of one signal, that line rests, and the others go on.
    """

    def __init__(self, name: str, settings: DestinationSettings) -> None:
        """Start with nothing; `name` is the destination's, for the log."""
        self._name = name
        self._retry = settings.retry
        self._max_bytes = settings.max_request_bytes
        self._max_elapsed_s = settings.retry.max_elapsed_s or math.inf
        self.lines = Lines(max_request_bytes=settings.max_request_bytes, delay_s=settings.batch_delay_s)
        self.last_error = ""
        """Why the last attempt failed, or what it sent was refused; empty while attempts succeed."""
        self._outage = Rest()
        self._probing = False
        """Whether an attempt is under way that is to find out whether the outage is over."""
        self._hurries = False

    def resting(self) -> tuple[Set[str], int]:
        """Return the tenants of lines that rest, and the bytes that they have together."""
        found = [(tenant, line.total_bytes) for (_, tenant), line in self.lines.items() if line.rest.failures]
        return {tenant for tenant, _ in found}, sum(size for _, size in found)

    def hurry(self) -> None:
        """Let no request wait for others, and pauses be short: the end has begun."""
        self._hurries = True
        for rest in (self._outage, *(line.rest for _, line in self.lines.items())):
            rest.shorten(_LAST_PAUSE_S)

    def next(self) -> Batch | float:
        """Take what is to be tried now, or is over; else return how long it is until there may be something."""
        if over := self.lines.take_over(self._max_elapsed_s, self._outage.since_s):
            return Batch(*over, self._expired(over[0]))
        key, wait_s = self._due()
        if key is None:
            return min(wait_s, self.lines.left_s(self._max_elapsed_s, self._outage.since_s))
        requests = self.lines.take(key)
        if len(requests[0].body) > self._max_bytes:  # it is split first
            return Batch(key, requests)
        self._probing = self._outage.failures > 0
        return Batch(key, requests, None, self._outage.failures, self.lines[key].rest.failures)

    def end(self, batch: Batch, reply: Reply) -> None:
        """Take in the reply to an attempt."""
        line = self.lines[batch.key]
        if batch.outage_failures:
            self._probing = False
        if reply.kind == "retry":
            self._fail(batch, line.rest, reply)
        elif line.rest.failures:
            if not self._outage.failures:
                _log.info("%s: taken again after %d attempts", self._whose(batch.key), line.rest.failures)
            line.rest = Rest()
        if self._outage.failures and (reply.kind != "retry" or reply.for_all):
            _log.info("%s: answers again after %d attempts", self._name, self._outage.failures)
            self._outage = Rest()
        resting = (each.rest.reason for _, each in self.lines.items() if each.rest.failures)
        self.last_error = reply.reason if reply.kind != "delivered" else next(resting, "")

    def _due(self) -> tuple[Key | None, float]:
        """Return a line with something to send now, else how long it is until there may be one."""
        if self._probing and self._outage.failures:
            return None, math.inf
        left_s = self._outage.until_s - time.monotonic()
        return (None, left_s) if left_s > 0 else self.lines.due(at_once=self._hurries)

    def _fail(self, batch: Batch, line: Rest, reply: Reply) -> None:
        if not self._outage.failures and not line.failures:
            whose = self._whose(batch.key) if reply.for_all else self._name
            _log.warning("%s: not taken, and tried again: %s", whose, reply.reason)
        asked_s = min(reply.retry_after_s, LONGEST_ASKED_PAUSE_S)
        if reply.for_all or asked_s or not batch.outage_failures:  # in an outage no line is to blame
            self._rest(line, batch.line_failures, reply.reason, asked_s)
        if not reply.for_all:
            self._rest(self._outage, batch.outage_failures, reply.reason)

    def _rest(self, rest: Rest, failures: int, reason: str, asked_s: float = 0.0) -> None:
        """Let it begin, or go on, after an attempt that began when there were so many failures."""
        # attempts that fail at the same time are one failure: the first pause is the first one for them all
        rest.failures = max(rest.failures, failures + 1)
        rest.reason, rest.asked_s = reason, asked_s
        now = time.monotonic()
        rest.since_s = min(rest.since_s, now)
        longest_s = min(self._retry.max_s, self._retry.initial_s * 2 ** min(rest.failures - 1, 16))
        own_s = longest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret
        rest.until_s = now + max(asked_s, own_s)
        if self._hurries:
            rest.shorten(_LAST_PAUSE_S)

    def _whose(self, key: Key) -> str:
        signal, tenant = key
        return f"{self._name}, {signal}" + (f" of tenant {tenant!r}" if tenant else "")

    def _expired(self, key: Key) -> Reply:
        """Return what is said of requests whose time is over."""
        rest = self.lines[key].rest if self.lines[key].rest.failures else self._outage
        if rest.asked_s and rest.until_s > time.monotonic():
            asked = f"asked for a pause of {rest.asked_s:g} s"
            return Reply("refused", f"{rest.reason}, {asked}, and retry.max_elapsed_s is {self._max_elapsed_s:g}")
        return Reply("refused", f"{rest.reason}, for {self._max_elapsed_s:g} s")
