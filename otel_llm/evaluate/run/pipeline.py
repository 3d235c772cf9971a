"""Calls in, results out: one encoder pass for all evaluators, then each evaluator, then drift."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Final

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.evaluator import Evaluator, load_evaluators
from otel_llm.evaluate.definition.manifest import EncoderManifest, encoder_manifest
from otel_llm.evaluate.definition.result import DriftState, Result
from otel_llm.evaluate.definition.verdict import errors
from otel_llm.evaluate.engine.cache import EncodingCache
from otel_llm.evaluate.engine.execution_providers import running_on
from otel_llm.evaluate.engine.shared_encoder import SharedEncoder, TextEncoder
from otel_llm.evaluate.run.guarded import Guarded, Reading
from otel_llm.evaluate.run.selection import DRIFT
from otel_llm.genai.call import Call

if TYPE_CHECKING:
    from otel_llm.evaluate.drift.monitor import DriftMonitor
    from otel_llm.evaluate.engine.encoder import Encoding

_ENCODER: Final = "minilm_l6_v2"
_DEFAULTS: Final = EvaluateSettings()

Selected = frozenset[str]
"""The names of the evaluators that see a call, "drift" among them for drift."""


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
        encoder: TextEncoder,
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

        The encoder is loaded where an evaluator's manifest names it, or drift reads it.

        Raises:
            ConfigError: an evaluator that is not installed, a provider that is not available, or a baseline that
                cannot be used.
            ModelError: an evaluator or the encoder is not as its manifest says, or an evaluator reads another one.
        """
        manifest = encoder_manifest(_ENCODER)
        with running_on(settings.providers):
            evaluators = load_evaluators(settings.evaluators)
        for evaluator in evaluators:
            if evaluator.manifest.encoder not in {None, manifest.name}:
                raise ModelError(
                    f"{evaluator.manifest.folder}: encoder must be {manifest.name!r}, the one that is run,"
                    f" got {evaluator.manifest.encoder!r}: name only others in evaluate.evaluators"
                )
        encoder = SharedEncoder(manifest, threads=settings.threads, providers=settings.providers)
        monitor = _monitor(settings, manifest)
        if monitor or any(evaluator.manifest.encoder for evaluator in evaluators):
            encoder.load()
        return cls(evaluators, encoder, monitor, settings)

    @property
    def evaluators(self) -> dict[str, str]:
        """Each evaluator's name and version."""
        manifests = (guarded.evaluator.manifest for guarded in self._evaluators)
        return {manifest.name: manifest.version for manifest in manifests}

    def states(self) -> list[dict[str, str]]:
        """Return, for each evaluator, its name, version, model's sha256, and whether it runs or is left out."""
        return [
            {
                "name": each.name,
                "version": each.evaluator.manifest.version,
                "model": each.evaluator.manifest.files.get("model.onnx", "")[:12] or "-",
                "state": "left out" if each.open else "runs",
            }
            for each in self._evaluators
        ]

    def evaluate(self, calls: Sequence[Call], selected: Sequence[Selected] | None = None) -> Evaluation:
        """Return the selected evaluators' results on every call; one that raises or hangs gives errors.

        Args:
            calls: in order, whatever their services.
            selected: for each call the evaluators that see it, and "drift" for drift; None: all see all.
        """
        durations: dict[str, float] = defaultdict(float)
        readings: list[tuple[Guarded, Reading]] = []
        for call, evaluator in self._chosen(calls, selected):
            with _timed(durations, evaluator.name):
                readings.append((evaluator, evaluator.read(call)))
        watched = self._watched(calls, selected)
        texts = [text for call in watched for text in self._monitor.texts(call)] if self._monitor else []
        if not (readings or watched):
            return Evaluation([], {})
        with _timed(durations, "encoder"):
            encodings = self.cache.encode([*(text for _, reading in readings for text in reading.texts), *texts])
        found = self._results(readings, encodings, durations)
        if self._monitor and watched:
            with _timed(durations, DRIFT):
                self._monitor.update(watched, encodings)
        return Evaluation([result for results in found for result in results], dict(durations))

    def _chosen(
        self, calls: Sequence[Call], selected: Sequence[Selected] | None
    ) -> Iterator[tuple[Call, Guarded]]:
        for call, names in _with_selected(calls, selected):
            for evaluator in self._evaluators:
                if names is None or evaluator.name in names:
                    yield call, evaluator

    def _watched(self, calls: Sequence[Call], selected: Sequence[Selected] | None) -> list[Call]:
        """Return the calls that drift sees."""
        if self._monitor is None:
            return []
        return [call for call, names in _with_selected(calls, selected) if names is None or DRIFT in names]

    def _results(
        self,
        readings: Sequence[tuple[Guarded, Reading]],
        encodings: Mapping[str, Encoding],
        durations: dict[str, float],
    ) -> list[list[Result]]:
        """Return the results of each reading; with several threads, several evaluators work at once."""
        found: list[list[Result]] = [[] for _ in readings]
        asked = list(dict.fromkeys(evaluator for evaluator, _ in readings))
        stop = threading.Event()

        def work(evaluator: Guarded) -> None:
            with _timed(durations, evaluator.name):
                for index, (other, reading) in enumerate(readings):
                    if stop.is_set():
                        return
                    if other is evaluator:
                        found[index] = evaluator.results(reading, encodings)

        if self._pool is None:
            for evaluator in asked:
                work(evaluator)
            return found
        try:
            started = [self._pool.submit(work, evaluator) for evaluator in asked]
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

    def failed(
        self, calls: Sequence[Call], error: Exception, selected: Sequence[Selected] | None = None
    ) -> Evaluation:
        """Return the results of calls whose batch raised `error`, such as for the encoder: all of label error."""
        chosen = self._chosen(calls, selected)
        return Evaluation(
            [result for call, guarded in chosen for result in errors(guarded.evaluator.manifest, call, error)],
            {},
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


def check_baseline(settings: EvaluateSettings) -> None:
    """Check what drift is compared with, as `Pipeline.load` does; no model is loaded.

    Raises:
        ConfigError: the baseline cannot be used.
    """
    if settings.drift.baseline:
        _monitor(settings, encoder_manifest(_ENCODER))


def _monitor(settings: EvaluateSettings, manifest: EncoderManifest) -> DriftMonitor | None:
    if not settings.drift.enabled:
        return None
    from otel_llm.evaluate.drift.monitor import DriftMonitor  # noqa: PLC0415 - with numpy: only where drift is watched

    return DriftMonitor(settings.drift, manifest)


def _with_selected(
    calls: Sequence[Call], selected: Sequence[Selected] | None
) -> Iterable[tuple[Call, Selected | None]]:
    return zip(calls, repeat(None) if selected is None else selected, strict=selected is not None)


@contextmanager
def _timed(durations: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    durations[name] += time.perf_counter() - started
