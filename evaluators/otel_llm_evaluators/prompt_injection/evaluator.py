"""Prompt injection: orders to the model in the input, in documents and in tool results; rules and a classifier."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from otel_llm.evaluate.api import (
    Call,
    Encoding,
    EvaluatorManifest,
    Finding,
    FloatArray,
    ModelError,
    Piece,
    Result,
    Rules,
    Span,
    log_odds,
    probability,
    score_result,
    session,
    target_text,
)
from otel_llm_evaluators.prompt_injection.disguises import hidden_characters, readings
from otel_llm_evaluators.prompt_injection.rules import QUOTED_SHARE, InjectionRules, is_reported
from otel_llm_evaluators.prompt_injection.sources import Source, characters_read, sources, suspects

_NEAR: Final = 1_000  # characters: rules that match within this distance find one attack
_MOST_EVIDENCE: Final = 4.0  # log-odds: bound of the rules' evidence
_MOST_LOGIT: Final = 6.0  # bound of the classifier's log-odds
_HIDDEN: Final = 8  # invisible characters: nobody types so many by mistake
_FROM_CLASSIFIER: Final = 0.5


class Weights(NamedTuple):
    """Weights of a score: its log-odds are bias + rules * evidence + classifier * the classifier's log-odds."""

    bias: float
    rules: float
    classifier: float


class Options(BaseModel):
    """`[options]` of the manifest, fitted on development data: `python -m recipes.prompt_injection`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Weights
    """Weights for the user's text."""
    document: Weights
    """Weights for documents and tool results, which the application fetched."""


@dataclass(frozen=True)
class Evidence:
    """The signs of an injection in one source."""

    source: Source
    findings: tuple[Finding, ...]
    """Findings of the rules in the densest stretch: the surest of each name."""
    probability: float
    """Classifier's probability for the worst window; 0 if the classifier read no window."""
    window: Span

    @cached_property
    def rules(self) -> float:
        """Evidence of the rules in log-odds: 0 if no rule matches."""
        return min(_MOST_EVIDENCE, _evidence({finding.type: finding for finding in self.findings}))

    @property
    def logit(self) -> float:
        """Log-odds of the classifier, bounded."""
        return min(max(float(log_odds(self.probability)), -_MOST_LOGIT), _MOST_LOGIT)

    def describe(self) -> str:
        """Return the place and the signs, as in "document 2, characters 10-80: override (rule)"."""
        spans = [Span(finding.start, finding.end) for finding in self.findings] or [self.window]
        start, end = min(span.start for span in spans), max(span.end for span in spans)
        grounds = [f"{finding.type} (rule)" for finding in self.findings]
        if self.probability >= _FROM_CLASSIFIER or not grounds:
            grounds.append(f"classifier {self.probability:.2f}")
        return f"{self.source.name}, characters {start}-{end}: {', '.join(grounds)}"


class PromptInjection:
    """Scores the texts that go into the model; the worst source counts.

    `model.onnx` is a head over the shared encoder, as a text classifier's: its input `token_states` (tokens,
    dimension) is one window, its output is one probability.
    """

    def __init__(self, manifest: EvaluatorManifest) -> None:
        """Load the rules and the classifier's head.

        Raises:
            ModelError: a file cannot be loaded, or options or targets are wrong.
        """
        if manifest.targets != ("input",):
            raise ModelError(
                f'{manifest.folder / "evaluator.toml"}: targets must be ["input"], got {list(manifest.targets)}:'
                " documents and tool results count to the input"
            )
        self.manifest = manifest
        self._options = manifest.read_options(Options)
        self._head = session(manifest.path("model.onnx"))
        rules = InjectionRules(manifest.path("rules.toml"))
        self._rules, self._document_rules = Rules(rules.rules("input")), Rules(rules.rules("document"))

    def texts(self, call: Call) -> list[str]:
        """Return the classifier's texts: the input, and passages of documents that tell somebody what to do."""
        return [piece.text for pieces in suspects(sources(call)).values() for piece in pieces]

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return one result for the input; documents and tool results count as input, for they go into the model.

        Without a text of the user the result is `not_applicable`, unless a document or tool result fails.
        """
        found = sources(call)
        chosen = suspects(found)
        evidence = self._evidence_of(found, chosen, encodings)
        if not evidence:
            return [score_result(self.manifest, call, "input", None, str)]
        score, worst = max(((self.score(each), each) for each in evidence), key=lambda pair: pair[0])
        applies = bool(target_text(call, "input")) or self.manifest.is_fail(score)
        read = characters_read(call, found, chosen, encodings)
        return [score_result(self.manifest, call, "input", score if applies else None, worst.describe, read=read)]

    def evidence(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Evidence]:
        """Return the evidence for an injection in each source."""
        found = sources(call)
        return self._evidence_of(found, suspects(found), encodings)

    def score(self, evidence: Evidence) -> float:
        """Return the probability of an injection."""
        weights = self._options.document if evidence.source.is_document else self._options.input
        odds = weights.bias + weights.rules * evidence.rules + weights.classifier * evidence.logit
        return probability(odds)

    def _evidence_of(
        self, found: Sequence[Source], chosen: Mapping[str, Sequence[Piece]], encodings: Mapping[str, Encoding]
    ) -> list[Evidence]:
        return [self._evidence(source, chosen.get(source.name, ()), encodings) for source in found]

    def _evidence(self, source: Source, pieces: Sequence[Piece], encodings: Mapping[str, Encoding]) -> Evidence:
        windows = [
            (self._probability(window.states), Span(*(piece.span.start + place for place in window.span)))
            for piece in pieces
            for window in encodings[piece.text].windows
        ]
        probability, worst = max(windows, default=(0.0, Span(0, 0)))
        return Evidence(source, tuple(_densest(list(self._findings(source)))), probability, worst)

    def _findings(self, source: Source) -> Iterator[Finding]:
        rules = self._document_rules if source.is_document else self._rules
        for piece in source.pieces:
            begin = piece.span.start
            for reading in readings(piece.text):
                for finding in rules.find(reading.text):
                    start, end = reading.place(finding.start, finding.end)
                    quoted = is_reported(reading.text, finding.start, finding.end)
                    confidence = finding.confidence * (QUOTED_SHARE if quoted else 1)
                    yield Finding(finding.type, begin + start, begin + end, confidence)
            if hidden_characters(piece.text) >= _HIDDEN:
                yield Finding("invisible_characters", begin, begin + len(piece.text), 0.4)

    def _probability(self, states: FloatArray) -> float:
        return float(self._head.run(None, {"token_states": states})[0].item())


def _densest(findings: Sequence[Finding]) -> list[Finding]:
    """Return the surest finding of each name in the stretch of text that has the most evidence."""
    stretches: dict[int, dict[str, Finding]] = defaultdict(dict)
    for finding in findings:
        # stretches overlap by half, so that near findings are in one stretch together
        for stretch in (finding.start // _NEAR * 2, (finding.start + _NEAR // 2) // _NEAR * 2 + 1):
            kept = stretches[stretch].get(finding.type)
            if kept is None or finding.confidence > kept.confidence:
                stretches[stretch][finding.type] = finding
    best = max(stretches.values(), key=_evidence, default={})
    return list(best.values())


def _evidence(stretch: Mapping[str, Finding]) -> float:
    return -math.log(math.prod(1 - finding.confidence for finding in stretch.values()))
