"""The shared encoder's output for a text, as evaluators read it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from otel_llm.evaluate.definition.span import Span

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Window:
    """A run of whole sentences of a text, encoded at once; a sentence longer than a window is cut."""

    span: Span
    offsets: IntArray
    """(tokens, 2): first and end character of each token; the first and the last token are special and empty."""
    states: FloatArray
    """(tokens, dimension): the encoder's last hidden state."""

    @cached_property
    def pooled(self) -> FloatArray:
        """(dimension,): the mean of the states, of length 1."""
        return _unit(self.states.mean(axis=0))


@dataclass(frozen=True, eq=False)
class Encoding:
    """The windows of one text, and what is computed from them."""

    windows: tuple[Window, ...]

    @cached_property
    def pooled(self) -> FloatArray:
        """(dimension,): the mean of the windows' pooled states by their tokens, of length 1."""
        weights = [len(window.states) for window in self.windows]
        return _unit(np.average([window.pooled for window in self.windows], axis=0, weights=weights))

    @cached_property
    def states(self) -> FloatArray:
        """(tokens, dimension): the states of all windows."""
        return np.concatenate([window.states for window in self.windows])

    def within(self, span: Span) -> FloatArray:
        """Return the states of the tokens inside the span, (tokens, dimension); there may be no token."""
        offsets = np.concatenate([window.offsets for window in self.windows])
        inside = (offsets[:, 0] >= span.start) & (offsets[:, 1] <= span.end) & (offsets[:, 1] > offsets[:, 0])
        states: FloatArray = self.states[inside]
        return states


def _unit(vector: FloatArray) -> FloatArray:
    unit: FloatArray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit
