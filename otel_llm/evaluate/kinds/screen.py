"""The segments of a text that may fail by themselves, found by a screen over the text's windows.

A model's score of a window is low where one bad sentence stands among good ones. To score every sentence by itself
would take a run of the model for each. A model with an output `screen` tells which of them need one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.span import Piece, Span
from otel_llm.evaluate.engine.segments import segments
from otel_llm.evaluate.engine.windows import covered
from otel_llm.evaluate.kinds.probabilities import log_odds
from otel_llm.evaluate.kinds.whole_model import Screened
from otel_llm.text.lookalikes import latin_lookalikes


def suspects(text: str, windows: Sequence[tuple[Span, Screened]], manifest: EvaluatorManifest) -> list[Piece]:
    """Return the segments whose mean sign reaches `screen`, the most suspicious `max_windows` of them.

    A segment that two windows share is one of them too, for its sign is that of two halves. A segment that is the
    whole text of its window is left out: the window's score is its own.
    """
    offsets = np.concatenate([window.offsets + span.start for span, window in windows])
    # the sum of a segment's signs is a difference of two sums
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([window.signs for _, window in windows]))])
    window_of = np.repeat(np.arange(len(windows)), [len(window.offsets) for _, window in windows])
    whole = {latin_lookalikes(text[span.start : span.end]) for span, _ in windows}
    limit = float(log_odds(manifest.screen or 0.0))
    found: list[tuple[float, Piece]] = []
    for start, end in covered(text, [span for span, _ in windows]):
        for segment in segments(latin_lookalikes(text[start:end])):
            span = Span(start + segment.span.start, start + segment.span.end)
            first = int(np.searchsorted(offsets[:, 0], span.start))
            last = int(np.searchsorted(offsets[:, 0], span.end))
            if last == first or segment.text in whole:
                continue
            sign = (sums[last] - sums[first]) / (last - first)
            if sign >= limit or window_of[first] != window_of[last - 1]:
                found.append((sign, Piece(span, segment.text)))
    found.sort(key=lambda each: -each[0])
    return [piece for _, piece in found[: manifest.max_windows]]
