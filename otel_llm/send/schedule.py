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
from otel_llm.send.send_queue import Key, Lines, Rest, Waiting

_LAST_PAUSE_S: Final = 0.1
"""The longest one once the end has begun: all that can be delivered is, and soon."""

_log: Final = logging.getLogger(__name__)


class Batch(NamedTuple):
    """Requests that leave together, or whose time is over."""

    key: Key
    requests: Sequence[Waiting]
    over: Reply | None = None
    """What is said of requests that are tried no more."""
    is_large: bool = False
    """Whether it is one request that is to be split first."""
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
        self._tried: set[Key] = set()
        """Lines that were not taken in it: if they alone are to blame, others need not wait for its end."""
        self._probing = False
        """Whether an attempt is under way that is to find out whether the outage is over."""
        self._hurries = False

    def resting(self) -> tuple[Set[str], int]:
        """Return the tenants of lines that rest, and the bytes that they have together."""
        found = {key: size for key in self.lines.resting() if (size := self.lines.bytes_of(key))}
        return {tenant for _, tenant in found}, sum(found.values())

    def hurry(self) -> None:
        """Let no request wait for others, and pauses be short: the end has begun."""
        self._hurries = True
        for rest in (self._outage, *self.lines.rests.values()):
            rest.shorten(_LAST_PAUSE_S)

    def next(self) -> Batch | float:
        """Take what is to be tried now, or is over; else return how long it is until there may be something."""
        if over := self._over():
            return over
        key, wait_s = self._due()
        if key is None:
            return wait_s
        requests = self.lines.take(key)
        if len(requests[0].body) > self._max_bytes:  # nothing is joined with such a one
            return Batch(key, requests, is_large=True)
        self._probing = self._outage.failures > 0
        rest = self.lines.rests.get(key)
        line_failures = rest.failures if rest else 0
        return Batch(key, requests, outage_failures=self._outage.failures, line_failures=line_failures)

    def end(self, batch: Batch, reply: Reply) -> None:
        """Take in the reply to an attempt."""
        if batch.outage_failures:
            self._probing = False
        if reply.kind == "retry":
            self._fail(batch, reply)
        else:
            self._succeed(batch)
        if self._outage.failures and (reply.kind != "retry" or reply.for_all):
            _log.info("%s: answers again after %d attempts", self._name, self._outage.failures)
            self._outage = Rest()
            self._tried.clear()
        resting = (rest.reason for rest in self.lines.resting().values())
        self.last_error = reply.reason if reply.kind != "delivered" else next(resting, "")

    def _over(self) -> Batch | None:
        """Take requests whose time is over, where there are such."""
        if self._max_elapsed_s == math.inf:
            return None
        over = self.lines.take_over(self._max_elapsed_s, self._outage.since_s)
        return Batch(*over, self._expired(over[0])) if over else None

    def _due(self) -> tuple[Key | None, float]:
        """Return a line with something to send now, else how long it is until there may be something to do."""
        wait_s = math.inf
        if self._max_elapsed_s < math.inf:
            wait_s = self.lines.left_s(self._max_elapsed_s, self._outage.since_s)
        if self._probing and self._outage.failures:
            return None, wait_s
        key, due_s = self._due_in_outage() if self._outage.failures else self.lines.due(at_once=self._hurries)
        return key, min(wait_s, due_s)

    def _due_in_outage(self) -> tuple[Key | None, float]:
        """Return the same in an outage: a line that it may not concern is tried soon, others after the pause."""
        now = time.monotonic()
        key, due_s = self.lines.due(at_once=self._hurries, but=self._tried)
        soon_s = self._outage.last_s + self._retry.initial_s - now
        if key is not None and soon_s <= 0:
            return key, 0.0
        left_s = self._outage.until_s - now
        if left_s > 0:
            return None, min(left_s, max(soon_s, due_s))
        return (key, 0.0) if key is not None else self.lines.due(at_once=self._hurries)

    def _succeed(self, batch: Batch) -> None:
        rest = self.lines.rests.get(batch.key)
        # one that began earlier says nothing of a pause that was asked for since
        if rest and (not rest.asked_s or batch.line_failures == rest.failures):
            if not self._outage.failures:
                _log.info("%s: taken again after %d attempts", self._whose(batch.key), rest.failures)
            del self.lines.rests[batch.key]

    def _fail(self, batch: Batch, reply: Reply) -> None:
        if not self._outage.failures and batch.key not in self.lines.rests:
            whose = self._whose(batch.key) if reply.for_all else self._name
            _log.warning("%s: not taken, and tried again: %s", whose, reply.reason)
        asked_s = min(reply.retry_after_s, LONGEST_ASKED_PAUSE_S)
        if reply.for_all or asked_s or not batch.outage_failures:  # in an outage no line is to blame
            self._lengthen(
                self.lines.rests.setdefault(batch.key, Rest()), batch.line_failures, reply.reason, asked_s
            )
        if not reply.for_all:
            self._tried.add(batch.key)
            self._lengthen(self._outage, batch.outage_failures, reply.reason)

    def _lengthen(self, rest: Rest, failures: int, reason: str, asked_s: float = 0.0) -> None:
        """Let it begin, or go on, after an attempt that began when there were so many failures."""
        # attempts that fail at the same time are one failure: the first pause is the first one for them all
        rest.failures = max(rest.failures, failures + 1)
        longest_s = min(self._retry.max_s, self._retry.initial_s * 2 ** min(rest.failures - 1, 16))
        rest.lengthen(longest_s * random.uniform(0.5, 1), asked_s, reason)  # noqa: S311 - no secret
        if self._hurries:
            rest.shorten(_LAST_PAUSE_S)

    def _whose(self, key: Key) -> str:
        signal, tenant = key
        return f"{self._name}, {signal}" + (f" of tenant {tenant!r}" if tenant else "")

    def _expired(self, key: Key) -> Reply:
        """Return what is said of requests whose time is over."""
        rest = self.lines.rests.get(key, self._outage)
        if rest.asked_s and rest.until_s > time.monotonic():
            asked = f"asked for a pause of {rest.asked_s:g} s"
            return Reply("refused", f"{rest.reason}, {asked}, and retry.max_elapsed_s is {self._max_elapsed_s:g}")
        return Reply("refused", f"{rest.reason}, for {self._max_elapsed_s:g} s")
