"""Groundedness: whether an answer says only what its context supports, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from otel_llm.evaluate.encoder import Encoding
from otel_llm.evaluate.lexical import Words, overlap, signals, words
from otel_llm.evaluate.manifest import EvaluatorManifest
from otel_llm.evaluate.result import Result
from otel_llm.evaluate.runtime import FloatArray, session
from otel_llm.evaluate.text import Span, passages, sentences
from otel_llm.evaluate.verdict import target_text
from otel_llm.receive.call import Call

_QUOTED_CHARACTERS: Final = 120  # of an unsupported sentence, in the explanation
_QUOTED_SENTENCES: Final = 3


class Windowing(BaseModel):
    """How groundedness divides an answer and its documents, and the bounds of its work for one call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_characters: Annotated[int, Field(gt=0)]
    """Characters read of the answer, and of the documents together; what comes after them is not seen."""
    passage_sentences: Annotated[int, Field(gt=0)]
    """Sentences in a passage of a document."""
    passage_characters: Annotated[int, Field(gt=0)]
    """Characters in a passage; a longer sentence is a passage of its own."""
    max_passages: Annotated[int, Field(gt=0)]
    """Passages encoded for one call: those that share the most words with the answer."""
    passages_per_sentence: Annotated[int, Field(gt=0)]
    """Passages that one sentence of the answer is compared with: the nearest by words and meaning."""
    max_sentences: Annotated[int, Field(gt=0)]
    """Sentences of the answer that are scored; of a longer answer the first ones."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A few sentences of a document."""

    text: str
    sentences: tuple[Words, ...]

    @property
    def content(self) -> frozenset[str]:
        """The content words of all its sentences."""
        return frozenset().union(*(sentence.content for sentence in self.sentences))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the head reads to say how well one sentence is supported."""

    claim: FloatArray
    """(tokens, dimension): the sentence's token states."""
    context: FloatArray
    """(tokens, dimension): the token states of the passages nearest to it."""
    signals: FloatArray
    """(signals,): what the words alone say."""


class Groundedness:
    """Scores each sentence of the answer against the nearest passages of the documents; the worst one counts.

    Source: the head is a decomposable attention model (Parikh et al. 2016, https://arxiv.org/abs/1606.01933) over
    the shared encoder's token states, with lexical signals beside it.
    """

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self.manifest = manifest
        self._windowing = manifest.read_options(Windowing)
        self._head = session(manifest.path("model.onnx"))

    def texts(self, call: Call) -> Iterable[str]:
        """Return the answer and the passages that it is compared with; none where the evaluator does not apply."""
        answer = target_text(call, "output")
        if not answer or not call.documents:
            return []
        return [answer, *(passage.text for passage in read_passages(answer, call.documents, self._windowing))]

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return the probability that all of the answer is supported: `fail` below the threshold."""
        answer = target_text(call, "output")
        scores = self._scores(answer, call.documents, encodings) if answer and call.documents else {}
        score = min(scores.values(), default=None)
        failed = score is not None and score < self.manifest.threshold
        return [
            Result(
                call=call,
                evaluator=self.manifest.name,
                version=self.manifest.version,
                target="output",
                label="not_applicable" if score is None else "fail" if failed else "pass",
                score=score,
                explanation=self._explanation(answer, scores) if failed else None,
            )
        ]

    def _scores(
        self, answer: str, documents: Sequence[str], encodings: Mapping[str, Encoding]
    ) -> dict[Span, float]:
        candidates = read_passages(answer, documents, self._windowing)
        if not candidates:
            return {}
        # what the context says in these very words is supported: that is not left to the head's judgement
        said = {sentence.stems for passage in candidates for sentence in passage.sentences}
        return {
            span: 1.0 if words(answer[span.start : span.end]).stems in said else self._score(comparison)
            for span in sentences(answer[: self._windowing.max_characters])[: self._windowing.max_sentences]
            if (comparison := compare(answer, span, candidates, encodings, self._windowing))
        }

    def _score(self, comparison: Comparison) -> float:
        inputs = {"claim": comparison.claim, "context": comparison.context, "signals": comparison.signals}
        return float(self._head.run(None, inputs)[0].item())

    def _explanation(self, answer: str, scores: Mapping[Span, float]) -> str:
        unsupported = sorted((score, span) for span, score in scores.items() if score < self.manifest.threshold)
        quotes = [f"“{_shortened(answer[span.start : span.end])}”" for _, span in unsupported[:_QUOTED_SENTENCES]]
        return f"not supported by the context ({len(unsupported)} of {len(scores)} sentences): {' '.join(quotes)}"


def read_passages(answer: str, documents: Sequence[str], windowing: Windowing) -> list[Passage]:
    """Return the documents' passages in order; over the cap, those that share the most words with the answer."""
    found = dict.fromkeys(
        document[span.start : span.end]
        for document in _bounded(documents, windowing.max_characters)
        for span in passages(
            document, max_sentences=windowing.passage_sentences, max_characters=windowing.passage_characters
        )
    )
    read = [Passage(text, tuple(words(text[start:end]) for start, end in sentences(text))) for text in found]
    if len(read) <= windowing.max_passages:
        return read
    content = words(answer[: windowing.max_characters]).content
    return _nearest(read, [overlap(content, passage.content) for passage in read], windowing.max_passages)


def compare(
    answer: str,
    span: Span,
    candidates: Sequence[Passage],
    encodings: Mapping[str, Encoding],
    windowing: Windowing,
) -> Comparison | None:
    """Return one sentence of the answer beside its nearest passages, by shared words and by meaning.

    None where the encoder saw nothing of the sentence: it is beyond the windows that it reads of one text.
    """
    claim = encodings[answer].within(span)
    if not len(claim):
        return None
    said = words(answer[span.start : span.end])
    meaning = claim.mean(axis=0)
    meaning /= np.linalg.norm(meaning)
    nearness = [
        overlap(said.content, passage.content) + float(meaning @ encodings[passage.text].pooled)
        for passage in candidates
    ]
    nearest = _nearest(candidates, nearness, windowing.passages_per_sentence)
    context = np.concatenate([encodings[passage.text].states for passage in nearest])
    return Comparison(
        claim, context, signals(said, [sentence for passage in nearest for sentence in passage.sentences])
    )


def _bounded(documents: Sequence[str], characters: int) -> Iterator[str]:
    for document in documents:
        yield document[:characters]
        characters = max(0, characters - len(document))


def _nearest(candidates: Sequence[Passage], nearness: Sequence[float], count: int) -> list[Passage]:
    """Return the `count` nearest, in their own order."""
    order = sorted(range(len(candidates)), key=lambda index: -nearness[index])[:count]
    return [candidates[index] for index in sorted(order)]


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= _QUOTED_CHARACTERS else f"{sentence[: _QUOTED_CHARACTERS - 1].rstrip()}…"
