"""Calls in, results out: one encoder pass for all evaluators, then each evaluator, then drift."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.result import DriftState, Result
from otel_llm.evaluate.definition.scoring import error_results
from otel_llm.evaluate.engine.cache import EncodingCache
from otel_llm.evaluate.engine.shared_encoder import TextEncoder
from otel_llm.evaluate.run.guarded import Guarded, PreparedCall
from otel_llm.evaluate.run.jobs import JobPool
from otel_llm.evaluate.run.pipeline_parts import load_parts
from otel_llm.evaluate.run.selection import DRIFT
from otel_llm.genai.call import Call

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding
    from otel_llm.evaluate.drift.monitor import DriftMonitor

_DEFAULTS: Final = EvaluateSettings()

Selected = frozenset[str]
"""Names of the evaluators that see a call; "drift" stands for drift."""
_Prepared: TypeAlias = Sequence[tuple[Guarded, PreparedCall]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of one batch of calls."""

    results: list[Result]
    """Results call by call in their order, and of each call evaluator by evaluator."""
    durations_s: dict[str, float]
    """Seconds by evaluator, and beside them "encoder" for the pass that serves them all, and "drift"."""


class Pipeline:
    """The evaluators, the encoder that they share, and the drift of each service's texts.

    `evaluate`, `failed` and `drift_states` are called by one thread at a time, and work on one batch. Each
    evaluator runs on a thread of its own behind `Guarded`; `settings.threads` says how many evaluators work at
    once, and how many texts are encoded at once. Any thread may read `states` and `evaluators`.

    Bounded: kept encodings by `settings.cache_bytes`, late threads of an evaluator by `settings.max_hanging`,
    drift streams by `settings.drift.max_streams`. Any thread may call `close`, for ever: an `evaluate` under way
    raises CancelledError in its thread.
    """

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
        self._jobs = JobPool(min(settings.threads, len(self._evaluators)))
        self.cache = EncodingCache(encoder, limit_bytes=settings.cache_bytes)
        """Cache in front of the encoder, with its numbers of hits and misses."""

    @classmethod
    def load(cls, settings: EvaluateSettings) -> Pipeline:
        """Return a pipeline with the installed evaluators that the settings name; see `load_parts`."""
        return cls(*load_parts(settings), settings)

    @property
    def evaluators(self) -> dict[str, str]:
        """Version of each evaluator, by name."""
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
        """Return the selected evaluators' results on every call; an evaluator that raises or hangs gives errors.

        Args:
            calls: in order, whatever their services.
            selected: for each call the names of its evaluators, and "drift" for drift; None: every evaluator sees
                every call.
        """
        durations: dict[str, float] = defaultdict(float)
        prepared: list[tuple[Guarded, PreparedCall]] = []
        for call, evaluator in self._chosen(calls, selected):
            with _timed(durations, evaluator.name):
                prepared.append((evaluator, evaluator.prepare(call)))
        watched = self._watched(calls, selected)
        if not (prepared or watched):
            return Evaluation([], {})
        texts = [text for call in watched for text in self._monitor.texts(call)] if self._monitor else []
        with _timed(durations, "encoder"):
            encodings = self.cache.encode([*(text for _, each in prepared for text in each.texts), *texts])
        results = self._results(prepared, encodings, durations)
        if self._monitor and watched:
            with _timed(durations, DRIFT):
                self._monitor.update(watched, encodings)
        return Evaluation(results, dict(durations))

    def failed(
        self, calls: Sequence[Call], error: Exception, selected: Sequence[Selected] | None = None
    ) -> Evaluation:
        """Return results of label error for calls whose batch raised `error`, such as in the encoder."""
        chosen = self._chosen(calls, selected)
        return Evaluation(
            [
                result
                for call, guarded in chosen
                for result in error_results(guarded.evaluator.manifest, call, error)
            ],
            {},
        )

    def drift_states(self) -> list[DriftState]:
        """Return the state of each drift stream, by service and target; empty where drift is not watched."""
        return self._monitor.states() if self._monitor else []

    def close(self) -> None:
        """Give up the evaluation under way: `evaluate` may raise CancelledError in its thread."""
        self._encoder.close()
        self._jobs.close()
        for evaluator in self._evaluators:
            evaluator.close()

    def _chosen(
        self, calls: Sequence[Call], selected: Sequence[Selected] | None
    ) -> Iterator[tuple[Call, Guarded]]:
        for call, names in _with_selected(calls, selected):
            for evaluator in self._evaluators:
                if names is None or evaluator.name in names:
                    yield call, evaluator

    def _watched(self, calls: Sequence[Call], selected: Sequence[Selected] | None) -> list[Call]:
        """Return the calls whose texts drift reads."""
        if self._monitor is None:
            return []
        return [call for call, names in _with_selected(calls, selected) if names is None or DRIFT in names]

    def _results(
        self, prepared: _Prepared, encodings: Mapping[str, Encoding], durations: dict[str, float]
    ) -> list[Result]:
        """Return the results of the prepared calls, in their order; each evaluator's calls are one job."""
        found: list[list[Result]] = [[] for _ in prepared]
        calls: dict[Guarded, list[tuple[int, PreparedCall]]] = defaultdict(list)
        for index, (evaluator, call) in enumerate(prepared):
            calls[evaluator].append((index, call))
        stop = threading.Event()

        def evaluate_all(evaluator: Guarded) -> None:
            with _timed(durations, evaluator.name):
                for index, call in calls[evaluator]:
                    if stop.is_set():
                        return
                    found[index] = evaluator.results(call, encodings)

        def abandon() -> None:
            stop.set()
            for evaluator in self._evaluators:
                evaluator.give_up()

        self._jobs.run([partial(evaluate_all, evaluator) for evaluator in calls], abandon=abandon)
        return [result for results in found for result in results]


def _with_selected(
    calls: Sequence[Call], selected: Sequence[Selected] | None
) -> Iterable[tuple[Call, Selected | None]]:
    return zip(calls, repeat(None) if selected is None else selected, strict=selected is not None)


@contextmanager
def _timed(durations: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    durations[name] += time.perf_counter() - started
