"""Findings in a text: their type, place and confidence, never their value; and the result that they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Read, Result, Target
from otel_llm.evaluate.definition.scoring import score_result
from otel_llm.evaluate.definition.target_texts import TargetText, target_texts
from otel_llm.genai.call import Call
from otel_llm.text.readings import is_plain, readings

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding

_SPANS: Final = 5  # places of one type in an explanation
_TEXTS: Final = 4
"""Texts of the greatest length that are read of one side of a call."""
_BEYOND: Final = 500
"""Characters read beyond the cut of a long text, to find a value at the cut and the words near it."""


class Finding(NamedTuple):
    """A part of a text that probably has the type; `end` is the place after its last character."""

    type: str
    start: int
    end: int
    confidence: float
    """Probability that the finding is of its type, in [0, 1]."""


class FinderOptions(BaseModel):
    """`[options]` of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_characters: Annotated[int, Field(ge=1000)] = 500_000
    """Characters read of a text; of a longer text the first half and the last half of that number."""


class Finder(ABC):
    """An evaluator whose score is the confidence of the surest finding; a subclass does the finding."""

    def __init__(self, manifest: EvaluatorManifest, *, max_characters: int) -> None:
        self.manifest = manifest
        self._half = max_characters // 2

    def find(self, text: str) -> Iterable[Finding]:
        """Return the findings in the text, or in the first and last part of a long text; they may overlap."""
        return self._in_readings(text) if len(text) <= 2 * self._half else self._in_ends(text)

    def _in_readings(self, text: str) -> Iterable[Finding]:
        return self._search(text) if is_plain(text) else self._in_all_readings(text)

    def _in_all_readings(self, text: str) -> Iterator[Finding]:
        yield from self._search(text)
        for reading, span in readings(text):
            for finding in self._search(reading):
                start, end = span(finding.start, finding.end)
                yield finding._replace(start=start, end=end)

    def _in_ends(self, text: str) -> Iterator[Finding]:
        rest = len(text) - self._half
        for finding in self._in_readings(text[: self._half + _BEYOND]):
            if finding.start < self._half:
                yield finding
        begin = max(0, rest - _BEYOND)
        for finding in self._in_readings(text[begin:]):
            start, end = begin + finding.start, begin + finding.end
            if end > rest:
                yield finding._replace(start=start, end=end)

    @abstractmethod
    def _search(self, text: str) -> Iterable[Finding]:
        """Return the findings in a text that is short enough to be read whole; they may overlap."""

    def texts(self, call: Call) -> Sequence[str]:
        """Return no text: no encoding is needed."""
        return []

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return a result for each target: the surest finding's confidence, 0 without a finding."""
        return [self._evaluate(call, target) for target in self.manifest.targets]

    def _evaluate(self, call: Call, target: Target) -> Result:
        texts = target_texts(call, target, self.manifest.parts)
        found, read = self._read(texts)
        confidences = [finding.confidence for _, findings in found for finding in findings]
        score = max(confidences, default=0.0) if found else None
        return score_result(self.manifest, call, target, score, lambda: self._explain(found), read=read)

    def _read(self, texts: Sequence[TargetText]) -> tuple[list[tuple[TargetText, list[Finding]]], Read]:
        """Return the findings of each text, and how much was read of all: an agent may call hundreds of tools."""
        found, characters = [], 0
        for text in texts:
            if characters < _TEXTS * 2 * self._half:
                found.append((text, list(self.find(text.text))))
                characters += min(2 * self._half, len(text.text))
        whole = sum(len(text.text) for text in texts)
        return found, Read(part=characters, whole=whole, unit="characters")

    def _explain(self, found: Iterable[tuple[TargetText, list[Finding]]]) -> str:
        """Return the findings by place, as in "tool call http_post, card: CREDIT_CARD: 1 (characters 0-19)"."""
        placed: dict[str, list[Finding]] = defaultdict(list)
        for text, findings in found:
            for finding in self._sure(findings):
                where, start, end = text.place(finding.start, finding.end)
                placed[where].append(finding._replace(start=start, end=end))
        return "; ".join(f"{where}: {explain(each)}" if where else explain(each) for where, each in placed.items())

    def _sure(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in without_overlaps(findings) if self.manifest.is_fail(finding.confidence)]


def without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in the text's order; of overlapping ones the surest, then the longest."""
    kept: list[Finding] = []  # in the text's order, and never overlapping
    for finding in sorted(findings, key=lambda each: (-each.confidence, each.start - each.end, each)):
        place = bisect(kept, finding.start, key=lambda each: each.start)
        clear_before = place == 0 or kept[place - 1].end <= finding.start
        if clear_before and (place == len(kept) or finding.end <= kept[place].start):
            kept.insert(place, finding)
    return kept


def explain(findings: Iterable[Finding]) -> str:
    """Return the number and places of each type, as in "EMAIL_ADDRESS: 2 (characters 10-25, 40-61)"."""
    places: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        places[finding.type].append(f"{finding.start}-{finding.end}")
    return "; ".join(
        f"{kind}: {len(spans)} (characters {', '.join(spans[:_SPANS])}{', …' if len(spans) > _SPANS else ''})"
        for kind, spans in places.items()
    )
