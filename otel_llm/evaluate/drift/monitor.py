"""Drift of every service's texts, one detector per service and target."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from otel_llm.config.evaluate import DriftSettings
from otel_llm.evaluate.definition.manifest import EncoderManifest
from otel_llm.evaluate.definition.result import DriftState, Target
from otel_llm.evaluate.definition.scoring import target_text
from otel_llm.evaluate.drift.baseline import read_baseline
from otel_llm.evaluate.drift.detector import DETECTOR, MmdDrift
from otel_llm.genai.call import Call

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding

_log: Final = logging.getLogger(__name__)


class DriftMonitor:
    """Keeps a detector for each stream: the texts of one service and target.

    A stream begins with its first text and stays until the process ends; beyond `max_streams` streams, texts of
    further ones are ignored, which is logged once. A detector keeps the features of a window and, without a
    baseline, of its first texts: no text itself. `update` is called by one thread; `states` are replaced, never
    changed, so another thread may read them.
    """

    def __init__(self, settings: DriftSettings, encoder: EncoderManifest) -> None:
        """Read the baseline, if the settings name one.

        Raises:
            ConfigError: the baseline cannot be read, or was made with another encoder.
        """
        self._settings = settings
        self._reference = read_baseline(settings.baseline, encoder) if settings.baseline else None
        self._detectors: dict[tuple[str, Target], MmdDrift] = {}
        self._states: dict[tuple[str, Target], DriftState] = {}
        self._full = False

    def texts(self, call: Call) -> Iterable[str]:
        """Return the texts whose encodings `update` needs."""
        return [text for target in self._settings.targets if (text := target_text(call, target))]

    def update(self, calls: Sequence[Call], encodings: Mapping[str, Encoding]) -> None:
        """Take the calls' texts, in order; each stream's state is computed once, at the end."""
        touched: dict[tuple[str, Target], MmdDrift] = {}
        for call in calls:
            for target in self._settings.targets:
                text = target_text(call, target)
                detector = self._detector(call.service, target) if text else None
                if detector:
                    detector.update(encodings[text].pooled)
                    touched[call.service, target] = detector
        self._states |= {key: _state(*key, detector) for key, detector in touched.items()}

    def states(self) -> list[DriftState]:
        """Return the state of each stream, in the order of their first texts."""
        return list(self._states.values())

    def _detector(self, service: str, target: Target) -> MmdDrift | None:
        key = (service, target)
        if key not in self._detectors:
            if len(self._detectors) >= self._settings.max_streams:
                self._log_full(service)
                return None
            self._detectors[key] = MmdDrift(
                window=self._settings.window,
                false_alarm_rate=self._settings.false_alarm_rate,
                reference=self._reference,
                reference_size=self._settings.reference_size,
            )
        return self._detectors[key]

    def _log_full(self, service: str) -> None:
        if not self._full:
            self._full = True
            _log.warning(
                "drift.max_streams: %d streams are watched, service %r and later ones are not: raise the setting",
                self._settings.max_streams,
                service,
            )


def _state(service: str, target: Target, detector: MmdDrift) -> DriftState:
    return DriftState(
        service=service,
        detector=DETECTOR,
        target=target,
        baseline=detector.baseline,
        count=detector.count,
        window=detector.window,
        statistic=detector.statistic,
        threshold=detector.threshold,
    )
