"""All of the end of a process together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import get_tracer_provider

from otel_llm.instrument.lifecycle.telemetry import SdkProviders
from otel_llm.instrument.process_end.delivery import Delivery
from otel_llm.instrument.process_end.doomed import is_killed_with_parent
from otel_llm.instrument.process_end.normal_end import NormalEnd
from otel_llm.instrument.process_end.signals import EndingSignals
from otel_llm.instrument.process_end.sudden_end import SuddenEnd
from otel_llm.instrument.worker import BackgroundWorker, after_fork_in_child


class ProcessEnd:
    """Delivers the calls that have ended when the process ends, however that is."""

    def __init__(self, worker: BackgroundWorker, providers: Callable[[], SdkProviders]) -> None:
        self._given = providers
        """Returns the providers that the app has given for its calls."""
        self._delivery = Delivery(worker, self._providers)
        self._normal = NormalEnd(worker, self._delivery)
        self._sudden = SuddenEnd(self._delivery)
        self._signals = EndingSignals(self._delivery)
        self._worker = worker
        after_fork_in_child(self._start_anew)

    def deliver_within(self, timeout_s: float) -> None:
        """Deliver within a timeout from now on; 0: leave the end of the process as it is without us."""
        self._delivery.timeout_s = timeout_s
        if timeout_s:
            self._sudden.put_in()
            self._signals.handle()
        else:
            self._sudden.take_out()
            self._signals.leave()

    def shut_down_sdk(self) -> None:
        """Shut down the process's own providers at exit within the timeout: nobody else has set them up."""
        if self._delivery.timeout_s:
            self._normal.shut_down_sdk(self._providers())

    def _start_anew(self) -> None:
        self._delivery.forget()
        self._worker.on_start = self._deliver_early_if_doomed

    def _deliver_early_if_doomed(self) -> None:
        """Export whenever no calls come for a moment, if the kernel kills this process together with its parent.

        SIGKILL leaves no time for a delivery. Celery's prefork children are killed so when their worker stops.
        """
        self._worker.on_idle = self._delivery.export if is_killed_with_parent() else None

    def _providers(self) -> Iterator[Any]:
        given = self._given()
        yield given.tracer or get_tracer_provider()
        yield given.meter or get_meter_provider()
        yield given.logger or get_logger_provider()
