"""Calls in, results out: one encoder pass for all evaluators, then each evaluator, then drift."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import ModelError
from otel_llm.evaluate.cache import EncodingCache
from otel_llm.evaluate.encoder import Encoder, Encoding
from otel_llm.evaluate.evaluator import Evaluator, load_evaluators
from otel_llm.evaluate.guarded import Guarded, Reading
from otel_llm.evaluate.manifest import encoder_manifest
from otel_llm.evaluate.monitor import DriftMonitor
from otel_llm.evaluate.result import DriftState, Result
from otel_llm.evaluate.runtime import running_on
from otel_llm.evaluate.verdict import errors
from otel_llm.receive.call import Call

_ENCODER: Final = "minilm_l6_v2"
_DEFAULTS: Final = EvaluateSettings()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of one batch of calls."""

    results: list[Result]
    """For each call in order, each evaluator's results in order."""
    durations_s: dict[str, float]
    """Seconds by evaluator, and beside them "encoder" for the pass that serves them all, and "drift"."""


class Pipeline:
    """The evaluators, the encoder that they share, and the drift of each service's texts. Used by one thread."""

    def __init__(
        self,
        evaluators: Sequence[Evaluator],
        encoder: Encoder,
        monitor: DriftMonitor | None,
        settings: EvaluateSettings = _DEFAULTS,
    ) -> None:
        self._evaluators = [Guarded(evaluator, settings) for evaluator in evaluators]
        self._encoder = encoder
        self._monitor = monitor
        self._closed = False
        threads = min(settings.threads, len(self._evaluators))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="evaluators") if threads > 1 else None
        self.cache = EncodingCache(encoder, limit_bytes=settings.cache_bytes)
        """What texts are encoded through; it counts hits and misses."""

    @classmethod
    def load(cls, settings: EvaluateSettings) -> Pipeline:
        """Return a pipeline with the installed evaluators that the settings name.

        Raises:
            ConfigError: an evaluator that is not installed, a provider that is not available, or a baseline that
                cannot be used.
            ModelError: an evaluator or the encoder is not as its manifest says, or an evaluator reads another one.
        """
        manifest = encoder_manifest(_ENCODER)
        with running_on(settings.providers):
            evaluators = load_evaluators(settings.evaluators)
            encoder = Encoder(manifest, threads=settings.threads)
        for evaluator in evaluators:
            if evaluator.manifest.encoder not in {None, manifest.name}:
                raise ModelError(
                    f"{evaluator.manifest.folder}: encoder must be {manifest.name!r}, the one that is run,"
                    f" got {evaluator.manifest.encoder!r}: name only others in evaluate.evaluators"
                )
        monitor = DriftMonitor(settings.drift, manifest) if settings.drift.enabled else None
        return cls(evaluators, encoder, monitor, settings)

    @property
    def evaluators(self) -> dict[str, str]:
        """Each evaluator's name and version."""
        manifests = (guarded.evaluator.manifest for guarded in self._evaluators)
        return {manifest.name: manifest.version for manifest in manifests}

    def evaluate(self, calls: Sequence[Call]) -> Evaluation:
        """Return every evaluator's results on every call; one that raises or hangs gives errors."""
        durations: dict[str, float] = defaultdict(float)
        readings: list[tuple[Guarded, Reading]] = []
        for call in calls:
            for evaluator in self._evaluators:
                with _timed(durations, evaluator.name):
                    readings.append((evaluator, evaluator.read(call)))
        watched = [text for call in calls for text in self._monitor.texts(call)] if self._monitor else []
        with _timed(durations, "encoder"):
            encodings = self.cache.encode([*(text for _, reading in readings for text in reading.texts), *watched])
        found = self._results(readings, encodings, durations)
        if self._monitor:
            with _timed(durations, "drift"):
                self._monitor.update(calls, encodings)
        return Evaluation([result for results in found for result in results], dict(durations))

    def _results(
        self,
        readings: Sequence[tuple[Guarded, Reading]],
        encodings: Mapping[str, Encoding],
        durations: dict[str, float],
    ) -> list[list[Result]]:
        """Return the results of each reading; with several threads, several evaluators work at once."""
        found: list[list[Result]] = [[] for _ in readings]

        stop = threading.Event()

        def work(evaluator: Guarded) -> None:
            with _timed(durations, evaluator.name):
                for index, (other, reading) in enumerate(readings):
                    if stop.is_set():
                        return
                    if other is evaluator:
                        found[index] = evaluator.results(reading, encodings)

        if self._pool is None:
            for evaluator in self._evaluators:
                work(evaluator)
            return found
        try:
            started = [self._pool.submit(work, evaluator) for evaluator in self._evaluators]
        except RuntimeError as error:
            if self._closed:  # while the work was handed over: the pool takes no more
                raise CancelledError from error
            raise
        try:
            for each in started:
                each.result()
        except BaseException:  # Ctrl-C: an evaluator must not be at two batches at once
            stop.set()
            for evaluator in self._evaluators:
                evaluator.give_up()
            wait([each for each in started if not each.cancel()])
            raise
        return found

    def failed(self, calls: Sequence[Call], error: Exception) -> Evaluation:
        """Return the results of calls whose batch raised `error`, such as for the encoder: all of label error."""
        manifests = [guarded.evaluator.manifest for guarded in self._evaluators]
        return Evaluation(
            [result for call in calls for each in manifests for result in errors(each, call, error)], {}
        )

    def drift_states(self) -> list[DriftState]:
        """Return where each stream stands, by service and target; empty where drift is not watched."""
        return self._monitor.states() if self._monitor else []

    def close(self) -> None:
        """Give up what is being evaluated: `evaluate` may raise CancelledError in its thread."""
        self._closed = True
        self._encoder.close()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        for evaluator in self._evaluators:
            evaluator.close()


@contextmanager
def _timed(durations: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    durations[name] += time.perf_counter() - started
