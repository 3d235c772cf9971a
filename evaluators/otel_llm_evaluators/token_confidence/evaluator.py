"""Token confidence: how likely the model itself found the tokens of its answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from otel_llm.evaluate.api import Call, EvaluatorManifest, Result, error_results, score_result

if TYPE_CHECKING:
    from otel_llm.evaluate.api import Encoding

# One in 500 million sampled tokens is less likely. With a smaller number a server says "none of the likeliest"
# (-9999 in the OpenAI API, -Infinity elsewhere), which alone would decide the mean of a whole answer.
_LEAST: Final = -20.0
_ROUNDING: Final = 1e-3  # a value above 0 by at most this much is 0, rounded in single precision


class TokenConfidence:
    """Scores an answer by the geometric mean of its tokens' probabilities: the inverse of its perplexity.

    Source: as a sign of hallucination, "Seq-Logprob" of Guerreiro et al. 2023, https://arxiv.org/abs/2208.05309.
    """

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self.manifest = manifest

    def texts(self, _: Call) -> Iterable[str]:
        """Return no text: only numbers are read."""
        return []

    def evaluate(self, call: Call, _: Mapping[str, Encoding]) -> list[Result]:
        """Return the likelihood of the first answer's tokens: `not_applicable` without log-probabilities.

        Numbers that cannot be log-probabilities give a result of label error. They are not raised: the fault is
        the sender's, and an exception would count as the evaluator's.
        """
        if not call.logprobs:
            return [score_result(self.manifest, call, "output", None, str)]
        if not all(logprob <= _ROUNDING for logprob in call.logprobs):  # false for NaN, too
            return error_results(self.manifest, call, ValueError("log-probabilities must be at most 0"))
        logprobs = [min(max(logprob, _LEAST), 0.0) for logprob in call.logprobs]
        score = math.exp(math.fsum(logprobs) / len(logprobs))
        return [score_result(self.manifest, call, "output", score, lambda: self._explanation(logprobs))]

    def _explanation(self, logprobs: Sequence[float]) -> str:
        threshold = self.manifest.threshold
        unsure = [math.exp(logprob) < threshold for logprob in logprobs]
        first, end = min(_runs(unsure), key=lambda run: math.fsum(logprobs[slice(*run)]))
        mean = math.exp(math.fsum(logprobs[first:end]) / (end - first))
        where = f"token {first}" if end - first == 1 else f"tokens {first} to {end - 1}"
        return (
            f"{sum(unsure)} of {len(unsure)} tokens had a probability below {threshold:g};"
            f" least sure: {where}, counted from 0, of {mean:.2g}"
        )


def _runs(flags: Iterable[bool]) -> list[tuple[int, int]]:
    """Return the start and end of each run of true flags."""
    groups = [
        [place for place, _ in group] for flag, group in groupby(enumerate(flags), lambda pair: pair[1]) if flag
    ]
    return [(group[0], group[-1] + 1) for group in groups]
