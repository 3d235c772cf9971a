"""The delivery of ended calls: recorded by us, then exported by the SDK, within the exit timeout."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from otel_llm.instrument.cost.prices import without_loading
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle import late_spans
from otel_llm.instrument.lifecycle.reading import end_open_streams, has_open_streams
from otel_llm.instrument.process_end.helpers import Helpers, Started
from otel_llm.instrument.worker import BackgroundWorker

# The share of the timeout for our own work, within which calls wait for the import of prices: on a busy machine it
# takes seconds. The rest is the exporters'.
_OWN_SHARE: Final = 0.6


class Delivery:
    """Delivers the calls that have ended. Any thread may ask, also inside a signal handler."""

    def __init__(self, worker: BackgroundWorker, providers: Callable[[], Iterable[Any]]) -> None:
        self.timeout_s = 0.0
        """Seconds that the end of the process waits at most; 0: it does not wait, and nothing is done."""
        self.helpers = Helpers()
        self._worker = worker
        self._providers = providers
        """Returns the providers of OpenTelemetry to which calls are recorded now."""
        self._running: Started | None = None
        """The latest delivery."""

    @guarded("delivering telemetry")
    def deliver(self) -> None:
        """Return when all ended calls are exported, and the part of open streams that has come; or at the timeout.

        The work is done on other threads: the calling thread may be in a signal handler, and hold any lock.
        """
        if not self.timeout_s:
            return
        if self._worker.take_undelivered() or has_open_streams():
            self._running = self.helpers.start(self._deliver)
        if self._running is not None:  # perhaps that of another thread
            self._running.wait(self.timeout_s)

    def export(self) -> None:
        """Begin to export what has been recorded, without waiting."""
        if self.timeout_s and self._worker.take_undelivered():
            self._running = self.helpers.start(lambda: self._export(time.monotonic() + self.timeout_s))

    def _deliver(self) -> None:
        until = time.monotonic() + self.timeout_s
        self.finish_calls(self.timeout_s)
        self._export(until)

    def _export(self, until: float) -> None:
        flushes = [
            functools.partial(flush, max(1, int(1_000 * (until - time.monotonic()))))
            for provider in self._providers()
            if (flush := getattr(provider, "force_flush", None)) is not None
        ]
        self.helpers.run(flushes, until - time.monotonic())

    def finish_calls(self, timeout_s: float) -> None:
        """Finish our own work: end open streams, record all ended calls, upload content.

        Calls whose price is still being imported late in the timeout are recorded without a cost.
        """
        until = time.monotonic() + timeout_s
        end_open_streams()
        if not self._worker.flush(timeout_s * _OWN_SHARE):
            with without_loading():
                self._worker.work_off()
        late_spans.end_all()
        upload = sys.modules.get("otel_llm.instrument.content.upload")  # imported only if content is uploaded
        if upload is not None:
            upload.flush_at_exit(max(0.0, until - time.monotonic()), self._worker.prepare)

    def forget(self) -> None:
        """Forget what the parent delivers: this process has been forked."""
        self.helpers.forget()
        self._running = None
