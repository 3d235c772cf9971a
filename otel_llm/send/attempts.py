"""Attempts are made until a destination has taken a request or refused it, or the time for it is over."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Mapping
from typing import Final

from otel_llm.config.send import LONGEST_ASKED_PAUSE_S, DestinationSettings
from otel_llm.receive.signals import Signal
from otel_llm.send.client import Client, Reply

_LAST_PAUSE_S: Final = 0.1

_log: Final = logging.getLogger(__name__)


class Attempts:
    """The attempts of all threads that send to one destination: while it is down, one of them tries for all."""

    def __init__(self, name: str, client: Client, settings: DestinationSettings) -> None:
        """Take over the client; `name` is the destination's, for the log."""
        self._name = name
        self._client = client
        self._settings = settings
        self._failures = 0
        """Attempts in a row that were to be made again."""
        self._last_error = ""
        self._prober = threading.Lock()
        self._ending = threading.Event()
        self._gave_up = threading.Event()

    @property
    def last_error(self) -> str:
        """Why the last attempt failed, or what it sent was refused; empty while attempts succeed."""
        return self._last_error

    @property
    def gave_up(self) -> bool:
        """Whether there are no more attempts: what was not delivered stays undecided."""
        return self._gave_up.is_set()

    def hurry(self) -> None:
        """Make pauses short: the end has begun."""
        self._ending.set()

    def give_up(self) -> None:
        """End all pauses and attempts, and close the client."""
        self._gave_up.set()
        self._client.close()

    def export(self, signal: Signal, tenant: str, body: bytes) -> Reply:
        """Return the reply that counts; one to try again says that the time is over, or that all was given up."""
        headers = {name.lower(): value for name, value in self._settings.headers.items()}
        if tenant:
            headers[self._settings.tenant_header.lower()] = tenant
        max_elapsed_s = self._settings.retry.max_elapsed_s
        deadline = time.monotonic() + (max_elapsed_s or math.inf)
        asked_s = 0.0
        while True:
            reply = self._attempt(signal, body, headers, asked_s, deadline)
            if reply.kind != "retry" or self.gave_up:
                return reply
            asked_s = min(reply.retry_after_s, LONGEST_ASKED_PAUSE_S)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return reply._replace(reason=f"{reply.reason}, for {max_elapsed_s:g} s")
            if asked_s > left_s:
                asked = f"asked for a pause of {reply.retry_after_s:g} s"
                return reply._replace(
                    reason=f"{reply.reason}, {asked}, and retry.max_elapsed_s is {max_elapsed_s:g}"
                )

    def _attempt(
        self, signal: Signal, body: bytes, headers: Mapping[str, str], asked_s: float, deadline: float
    ) -> Reply:
        if not self._failures and not asked_s:
            return self._noted(self._try(signal, body, headers), 1)
        if not self._prober.acquire(timeout=_lock_timeout_s(deadline)):
            return Reply("retry", self._last_error)
        try:
            if self._failures or asked_s:
                self._pause(asked_s, deadline)
                if self.gave_up:
                    return Reply("retry", "the sender is closed")
            return self._noted(self._try(signal, body, headers), self._failures + 1)
        finally:
            self._prober.release()

    def _try(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        try:
            return self._client.export(signal, body, headers)
        except Exception as error:
            # a thread must outlive whatever is wrong with one request, and whoever waits for it must hear
            _log.exception("%s: a request of %s could not be sent", self._name, signal)
            return Reply("refused", f"{type(error).__name__}: {error}")

    def _noted(self, reply: Reply, failures: int) -> Reply:
        if reply.kind == "retry":
            if not self._failures:
                _log.warning("%s: not taken, and tried again: %s", self._name, reply.reason)
            # threads that fail at the same time are one failure: the first pause is the first one for them all
            self._failures = max(self._failures, failures)
            self._last_error = reply.reason
            return reply
        if self._failures:
            _log.info("%s: answers again after %d attempts", self._name, self._failures)
            self._failures = 0
        self._last_error = reply.reason if reply.kind == "refused" else ""
        return reply

    def _pause(self, asked_s: float, deadline: float) -> None:
        retry = self._settings.retry
        longest_s = min(retry.max_s, retry.initial_s * 2 ** min(max(self._failures - 1, 0), 16))
        own_s = longest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret
        pause_s = max(asked_s, min(own_s, deadline - time.monotonic()))
        if self._ending.wait(pause_s):  # at the end all that can be delivered is, and soon
            self._gave_up.wait(min(pause_s, _LAST_PAUSE_S))


def _lock_timeout_s(deadline: float) -> float:
    return min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)
