"""Inline mode: requests to the next receiver, with results on their spans and the content that may go on."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Set
from typing import Final

from otel_llm.config.flow import InlineSettings
from otel_llm.errors import DecodeError
from otel_llm.masking.content import masked, masked_log, stripped, stripped_log
from otel_llm.masking.content_names import Names, names_like
from otel_llm.otlp.queued import QueuedRequest
from otel_llm.otlp.rebuild import rebuild
from otel_llm.otlp.requests import read_request, scopes
from otel_llm.otlp.signals import Signal
from otel_llm.report.enrich import enriched
from otel_llm.service.flow.awaiting_results import SpanResults
from otel_llm.service.flow.delivery import Delivery
from otel_llm.service.flow.open_records import RecordRefs

_CONTENT: Final[Mapping[tuple[str, Signal], Callable[[bytes, Names], bytes]]] = {
    ("mask", "traces"): masked,
    ("mask", "logs"): masked_log,
    ("strip", "traces"): stripped,
    ("strip", "logs"): stripped_log,
}

_log: Final = logging.getLogger(__name__)


class Forwarder:
    """Forwards requests, each once. Content that may not go on is removed, however late the results are.

    Any thread may call: the evaluating thread forwards with the last result, the taking thread all else. A request
    holds a reference to its record until it is delivered or a dead letter.
    """

    def __init__(self, delivery: Delivery, refs: RecordRefs, settings: InlineSettings) -> None:
        self._delivery = delivery
        self._refs = refs
        self._settings = settings
        self._names = names_like(settings.content_attributes)

    @property
    def capacity_bytes(self) -> int:
        """Bytes that may wait for the next receiver."""
        return self._delivery.sender.capacity_bytes

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return True if there is room for more, after waiting for room up to `timeout_s`."""
        return self._delivery.wait_for_room(timeout_s)

    def held_tenants(self) -> Set[str]:
        """Return the tenants of which the next receiver takes nothing now."""
        return self._delivery.held_tenants()

    def send(self, sequence: int, request: QueuedRequest, results: SpanResults) -> None:
        """Send a request, and release its record once it is delivered."""
        release = functools.partial(self._refs.release, [sequence])
        try:
            body = self._rewritten(request, results if self._settings.enrich else {})
        except Exception as error:  # a fault of ours must neither hold the request up nor let content through
            _log.exception("a request of %s could not be rewritten", request.signal)
            if self._settings.content != "keep":
                self._delivery.give_up(
                    request.signal, request.tenant, request.body, f"{type(error).__name__}: {error}"
                )
                release()
                return
            body = request.body
        self._delivery.send(request.signal, body, request.items, request.tenant, release)

    def abandon(self, sequence: int, request: QueuedRequest, reason: str) -> None:
        """Send a request as it is if its content may go on, else make a dead letter of it."""
        if self._settings.content == "keep":
            self.send(sequence, request, {})
            return
        self._delivery.give_up(request.signal, request.tenant, request.body, reason)
        self._refs.release([sequence])

    def _rewritten(self, request: QueuedRequest, results: SpanResults) -> bytes:
        rewrite = _CONTENT.get((self._settings.content, request.signal))
        if not rewrite and not results:
            return request.body
        replaced: dict[int, bytes | None] = {}
        items = [item for scope in scopes(read_request(request.signal, request.body)) for item in scope.items]
        for index, item in enumerate(items):
            if rewrite:  # every span: some libraries repeat content on spans that are no calls
                replaced[index] = self._limited(item, rewrite)
            if index in results and (kept := replaced.get(index, item)) is not None:
                replaced[index] = enriched(kept, results[index])
        return rebuild(request.body, replaced)

    def _limited(self, item: bytes, rewrite: Callable[[bytes, Names], bytes]) -> bytes | None:
        """Return an item with the content that may go on; None if the item cannot be read and must not go on.

        The request's reader has made a dead letter of such an item.
        """
        try:
            return rewrite(item, self._names)
        except DecodeError:
            return None
