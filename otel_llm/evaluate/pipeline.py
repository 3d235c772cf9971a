"""Calls in, results out: one encoder pass for all evaluators, then each evaluator, then drift."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import ModelError
from otel_llm.evaluate.encoder import Encoder, Encoding
from otel_llm.evaluate.evaluator import Evaluator, load_evaluators
from otel_llm.evaluate.manifest import encoder_manifest
from otel_llm.evaluate.monitor import DriftMonitor
from otel_llm.evaluate.result import DriftState, Result
from otel_llm.receive.call import Call

_log: Final = logging.getLogger(__name__)
_ENCODER: Final = "minilm_l6_v2"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of one batch of calls."""

    results: list[Result]
    """For each call in order, each evaluator's results in order."""
    durations_s: dict[str, float]
    """Seconds by evaluator, and beside them "encoder" for the pass that serves them all, and "drift"."""


class Pipeline:
    """The evaluators, the encoder that they share, and the drift of each service's texts. Used by one thread."""

    def __init__(self, evaluators: Sequence[Evaluator], encoder: Encoder, monitor: DriftMonitor | None) -> None:
        self._evaluators = list(evaluators)
        self._encoder = encoder
        self._monitor = monitor

    @classmethod
    def load(cls, settings: EvaluateSettings) -> Pipeline:
        """Return a pipeline with the installed evaluators that the settings name.

        Raises:
            ConfigError: an evaluator that is not installed, or a baseline that cannot be used.
            ModelError: an evaluator or the encoder is not as its manifest says, or an evaluator reads another one.
        """
        manifest = encoder_manifest(_ENCODER)
        evaluators = load_evaluators(settings.evaluators)
        for evaluator in evaluators:
            if evaluator.manifest.encoder != manifest.name:
                raise ModelError(
                    f"{evaluator.manifest.folder}: encoder must be {manifest.name!r}, the one that is run,"
                    f" got {evaluator.manifest.encoder!r}: name only others in evaluate.evaluators"
                )
        encoder = Encoder(manifest, threads=settings.threads)
        monitor = DriftMonitor(settings.drift, manifest) if settings.drift.enabled else None
        return cls(evaluators, encoder, monitor)

    @property
    def evaluators(self) -> dict[str, str]:
        """Each evaluator's name and version."""
        return {evaluator.manifest.name: evaluator.manifest.version for evaluator in self._evaluators}

    def evaluate(self, calls: Sequence[Call]) -> Evaluation:
        """Return every evaluator's results on every call; one that raises gives results of label error."""
        durations: dict[str, float] = defaultdict(float)
        readings = [_read(evaluator, call) for call in calls for evaluator in self._evaluators]
        watched = [text for call in calls for text in self._monitor.texts(call)] if self._monitor else []
        with _timed(durations, "encoder"):
            encodings = self._encoder.encode([*(text for reading in readings for text in reading.texts), *watched])
        results: list[Result] = []
        for reading in readings:
            with _timed(durations, reading.evaluator.manifest.name):
                results += reading.results(encodings)
        if self._monitor:
            with _timed(durations, "drift"):
                self._monitor.update(calls, encodings)
        return Evaluation(results, dict(durations))

    def failed(self, calls: Sequence[Call], error: Exception) -> Evaluation:
        """Return the results of calls whose batch raised `error`, such as for the encoder: all of label error."""
        return Evaluation(
            [result for call in calls for each in self._evaluators for result in _errors(each, call, error)], {}
        )

    def drift_states(self) -> list[DriftState]:
        """Return where each stream stands, by service and target; empty where drift is not watched."""
        return self._monitor.states() if self._monitor else []

    def close(self) -> None:
        """Give up what is being evaluated: `evaluate` may raise CancelledError in its thread."""
        self._encoder.close()


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one evaluator wants to read of one call, or why it could not say so."""

    evaluator: Evaluator
    call: Call
    texts: tuple[str, ...] = ()
    error: Exception | None = None

    def results(self, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return the evaluator's results; one call that it cannot take must not cost the others theirs."""
        if self.error:
            return self._failed(self.error)
        try:
            return self.evaluator.evaluate(self.call, encodings)
        except Exception as error:  # whatever it is, it becomes this call's result
            return self._failed(error)

    def _failed(self, error: Exception) -> list[Result]:
        _log.error(
            "%s failed on span %s of trace %s",
            self.evaluator.manifest.name,
            self.call.span_id,
            self.call.trace_id,
            exc_info=error,
        )
        return _errors(self.evaluator, self.call, error)


def _errors(evaluator: Evaluator, call: Call, error: Exception) -> list[Result]:
    return [
        Result(
            call=call,
            evaluator=evaluator.manifest.name,
            version=evaluator.manifest.version,
            target=target,
            label="error",
            error_type=type(error).__name__,
        )
        for target in evaluator.manifest.targets
    ]


def _read(evaluator: Evaluator, call: Call) -> _Reading:
    try:
        return _Reading(evaluator, call, tuple(evaluator.texts(call)))
    except Exception as error:  # this too becomes the call's result
        return _Reading(evaluator, call, error=error)


@contextmanager
def _timed(durations: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    durations[name] += time.perf_counter() - started
