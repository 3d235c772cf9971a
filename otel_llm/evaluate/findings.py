"""What is found in a text, by type, place and confidence, and never by its value; how findings become a result."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from otel_llm.evaluate.encoder import Encoding
from otel_llm.evaluate.manifest import EvaluatorManifest
from otel_llm.evaluate.result import Result, Target
from otel_llm.evaluate.verdict import target_text, verdict
from otel_llm.receive.call import Call

_SPANS: Final = 5  # of one type, in an explanation


class Finding(NamedTuple):
    """A piece of a text that is probably of that type: by its first character and the one after its last."""

    type: str
    start: int
    end: int
    confidence: float
    """The probability that it is what its type says, in [0, 1]."""


class Finder:
    """An evaluator whose score is the confidence of the surest finding; what it finds is a subclass's."""

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self.manifest = manifest

    def find(self, text: str) -> Iterable[Finding]:
        """Return what is in the text; findings may overlap."""
        raise NotImplementedError

    def texts(self, call: Call) -> Sequence[str]:
        """Return nothing: no text has to be encoded."""
        return []

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return a result for each target: the surest finding's confidence, 0 where there is none."""
        return [self._evaluate(call, target) for target in self.manifest.targets]

    def _evaluate(self, call: Call, target: Target) -> Result:
        text = target_text(call, target)
        findings = list(self.find(text)) if text else []
        score = max((finding.confidence for finding in findings), default=0.0) if text else None
        return verdict(self.manifest, call, target, score, lambda: explain(self._sure(findings)))

    def _sure(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in without_overlaps(findings) if self.manifest.is_fail(finding.confidence)]


def without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in the text's order; of those that overlap the surest, and of equals the longest."""
    kept: list[Finding] = []  # in the text's order, and never overlapping
    for finding in sorted(findings, key=lambda each: (-each.confidence, each.start - each.end, each)):
        place = bisect(kept, finding.start, key=lambda each: each.start)
        clear_before = place == 0 or kept[place - 1].end <= finding.start
        if clear_before and (place == len(kept) or finding.end <= kept[place].start):
            kept.insert(place, finding)
    return kept


def explain(findings: Iterable[Finding]) -> str:
    """Return how many of each type there are and where, as in "EMAIL_ADDRESS: 2 (characters 10-25, 40-61)"."""
    places: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        places[finding.type].append(f"{finding.start}-{finding.end}")
    return "; ".join(
        f"{kind}: {len(spans)} (characters {', '.join(spans[:_SPANS])}{', …' if len(spans) > _SPANS else ''})"
        for kind, spans in places.items()
    )
