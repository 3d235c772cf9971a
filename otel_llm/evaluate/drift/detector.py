"""Drift of a stream of texts: the distance of their meaning from a reference."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from otel_llm.evaluate.definition.encoding import FloatArray

DETECTOR: Final = "mmd_rff"
_FEATURES: Final = 512
# Embeddings have length 1: texts on the same matter are about 0.9 apart, unrelated ones 1.3.
_BANDWIDTH: Final = 1.0
_SEED: Final = 20  # the same features everywhere: else windows of two replicas could not be added
_SPLITS: Final = 2000
_LEAST_THRESHOLD: Final = (
    1e-4  # for a reference of equal texts the threshold would be 0, and rounding errors would alarm
)
_SPLIT_TEXTS: Final = 2000  # a part of a larger reference is enough, and bounds the time


@lru_cache(maxsize=4)
def _projection(dimension: int) -> tuple[FloatArray, FloatArray]:
    random = np.random.default_rng(_SEED)
    weights = random.standard_normal((dimension, _FEATURES), dtype=np.float32) / np.float32(_BANDWIDTH)
    return weights, random.uniform(0, 2 * np.pi, _FEATURES).astype(np.float32)


def features(embeddings: FloatArray) -> FloatArray:
    """Return random Fourier features, (n, 512), of embeddings of length 1, (n, dimension)."""
    weights, phases = _projection(embeddings.shape[-1])
    cosines: FloatArray = np.float32(np.sqrt(2 / _FEATURES)) * np.cos(embeddings @ weights + phases)
    return cosines


@dataclass(frozen=True, slots=True)
class WindowSum:
    """The number of a window's texts and the sum of their features; the sums of two replicas add up."""

    count: int
    total: FloatArray

    @classmethod
    def of(cls, rows: FloatArray) -> WindowSum:
        """Return the sum of the features, (n, 512)."""
        return cls(len(rows), rows.sum(axis=0))

    def __add__(self, other: WindowSum) -> WindowSum:
        return WindowSum(self.count + other.count, self.total + other.total)

    def distance(self, other: WindowSum) -> float:
        """Return the squared maximum mean discrepancy between the texts of the two sums."""
        return float(np.square(self.total / self.count - other.total / other.count).sum())


@dataclass(frozen=True, eq=False)
class Reference:
    """The texts that a stream is compared with."""

    name: str
    rows: FloatArray
    """(n, 512): the features of the reference's texts."""
    _thresholds: dict[tuple[int, float], float] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def sum(self) -> WindowSum:
        """The window sum of the whole reference."""
        return WindowSum.of(self.rows)

    def distance(self, window: WindowSum) -> float:
        """Return the distance of the window from the reference, minus the distance between samples by chance.

        So the statistic is about 0 while nothing changes, sometimes a little below.
        """
        return window.distance(self.sum) - self._chance(window.count, len(self.rows))

    def threshold(self, window: int, false_alarm_rate: float) -> float:
        """Return the statistic that a window of unchanged texts exceeds at the given rate.

        The reference is split at random into a window and the rest, many times. A reference smaller than two
        windows is split into halves, and their distances are scaled to the sizes of the window and the reference:
        the spread of distances is proportional to the distance by chance. No text is drawn
        twice, as a bootstrap would: equal texts in a window made the thresholds of small windows far too high.

        The computation is slow, so streams that share a baseline share its result.
        """
        asked = window, false_alarm_rate
        if asked not in self._thresholds:
            self._thresholds[asked] = self._split_threshold(window, false_alarm_rate)
        return self._thresholds[asked]

    def _split_threshold(self, window: int, false_alarm_rate: float) -> float:
        random = np.random.default_rng(_SEED)
        rows = self.rows
        if len(rows) > _SPLIT_TEXTS:
            rows = rows[random.choice(len(rows), _SPLIT_TEXTS, replace=False)]
        drawn = min(window, len(rows) // 2)
        rest = len(rows) - drawn
        chosen = random.random((_SPLITS, len(rows))).argsort(axis=1) < drawn
        differences = np.where(chosen, 1 / drawn, -1 / rest).astype(np.float32) @ rows
        excess = np.square(differences).sum(axis=1) - self._chance(drawn, rest)
        scale = (1 / window + 1 / len(self.rows)) / (1 / drawn + 1 / rest)
        return max(scale * float(np.quantile(excess, 1 - false_alarm_rate)), _LEAST_THRESHOLD)

    def _chance(self, window: int, rest: int) -> float:
        return self._variance * (1 / window + 1 / rest)

    @cached_property
    def _variance(self) -> float:
        return float(self.rows.var(axis=0, ddof=1).sum())


class MmdDrift:
    """Squared maximum mean discrepancy of a sliding window of texts from a reference, by random Fourier features.

    Parameters
    ----------
    window
        Texts in the sliding window.
    false_alarm_rate
        Share of full windows of unchanged texts that may be above the threshold. Successive windows share all but
        one text, so alarms come in runs.
    reference
        Texts to compare with; None: the stream's own first ones.
    reference_size
        Number of first texts that become the reference if none is given; these texts are in no window.

    Example:
    -------
    >>> random = np.random.default_rng(1)
    >>> def texts(topic, n):
    ...     noisy = np.eye(16, dtype=np.float32)[topic] + random.normal(0, 0.2, (n, 16)).astype(np.float32)
    ...     return noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    >>> drift = MmdDrift(window=20, false_alarm_rate=0.01, reference_size=40)
    >>> for embedding in texts(topic=0, n=80):
    ...     drift.update(embedding)
    >>> drift.statistic > drift.threshold
    False
    >>> for embedding in texts(topic=3, n=10):
    ...     drift.update(embedding)
    >>> drift.statistic > drift.threshold
    True

    Reference
    ---------
    Gretton et al., A Kernel Two-Sample Test, JMLR 13, 2012; Rahimi and Recht, Random Features for Large-Scale
    Kernel Machines, NIPS 2007.
    """

    def __init__(
        self,
        *,
        window: int,
        false_alarm_rate: float,
        reference: Reference | None = None,
        reference_size: int = 200,
    ) -> None:
        self.window = window
        self.baseline = reference.name if reference else f"first-{reference_size}"
        self.reference: Reference | None = None
        self.threshold: float | None = None
        """Statistic above which the stream has drifted; None until the reference is complete."""
        self._false_alarm_rate = false_alarm_rate
        self._reference_size = reference_size
        self._first: list[FloatArray] = []
        self._recent: deque[FloatArray] = deque(maxlen=window)
        if reference:
            self._compare_with(reference)

    def update(self, embedding: FloatArray) -> None:
        """Take the embedding, of length 1, of the stream's next text."""
        row = features(embedding[None])[0]
        if self.reference:
            self._recent.append(row)
            return
        self._first.append(row)
        if len(self._first) == self._reference_size:
            self._compare_with(Reference(self.baseline, np.stack(self._first)))
            self._first.clear()

    @property
    def count(self) -> int:
        """Number of texts in the current window."""
        return len(self._recent)

    @property
    def sum(self) -> WindowSum | None:
        """Sum of the current window; None while the window is empty."""
        return WindowSum.of(np.stack(self._recent)) if self._recent else None

    @property
    def statistic(self) -> float | None:
        """Distance of the window from the reference; None until the window is full."""
        if self.reference is None or self.count < self.window:
            return None
        window = self.sum
        return self.reference.distance(window) if window else None

    def _compare_with(self, reference: Reference) -> None:
        self.reference = reference
        self.threshold = reference.threshold(self.window, self._false_alarm_rate)
