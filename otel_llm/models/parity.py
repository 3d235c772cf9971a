"""The differences between an exported folder, run as in the service, and its original."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from otel_llm.errors import ModelError, ParityError
from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.engine.sentences import sentences
from otel_llm.evaluate.kinds.whole_model import WholeModel
from otel_llm.genai.call import Call
from otel_llm.models.original import Numbers, Original

_MAX_SENTENCES = 8  # sentences of one answer that are compared with its contexts


@dataclass(frozen=True, kw_only=True)
class Parity:
    """The differences between an original's numbers and its export's, over the same texts."""

    what: str
    """Kind of the numbers: probabilities, or cosines."""
    pieces: int
    """Number of pieces that both have read: windows of texts, pairs of a window and a sentence, or answers."""
    numbers: int
    """Number of numbers compared."""
    largest: float
    """Greatest difference; for cosines, from 1."""
    mean: float
    """Mean difference; for cosines, from 1."""
    rank_correlation: float | None
    """Spearman's correlation of the score's label; None for cosines, and if either side is constant."""

    def check(self, tolerance: float) -> None:
        """Compare the greatest difference with the tolerance.

        Raises:
            ParityError: the difference is greater.
        """
        if not self.largest <= tolerance:  # true for nan, too
            raise ParityError(
                f"{self.what} must differ from the original's by at most {tolerance}, got {self.largest:.4g}"
                f" (mean {self.mean:.4g}) over {self.pieces} pieces of text: change --precision or --tolerance"
            )

    def __str__(self) -> str:
        rank = "" if self.rank_correlation is None else f", rank correlation {self.rank_correlation:.4f}"
        return (
            f"{self.what} over {self.pieces} pieces of text: difference at most {self.largest:.2g}, "
            f"mean {self.mean:.2g}{rank}"
        )


def of_evaluator(original: Original, manifest: EvaluatorManifest, calls: Sequence[Call]) -> Parity:
    """Return the parity of every label's probability, in the windows that the service cuts.

    Raises:
        ModelError: no text fits the kind, or the tokens are not the original's.
    """
    model = WholeModel(manifest, rank=3 if manifest.kind == "token_classifier" else 2)
    pieces = list(
        dict.fromkeys(_texts(model, calls) if manifest.kind == "text_classifier" else _pairs(model, calls))
    )
    if not pieces:
        raise ModelError(f"--texts: no record has what a {manifest.kind} reads: give outputs, with a context each")
    theirs, ours = [], []
    for piece in pieces:
        tokens = model.encode(piece) if isinstance(piece, str) else model.encode(*piece)
        own = model.probabilities(tokens)
        if manifest.kind == "token_classifier":
            own = own[np.array([sequence == 1 for sequence in tokens.sequence_ids])]
        ours.append(np.atleast_2d(own))
        theirs.append(np.atleast_2d(original.predict([piece])))
        if ours[-1].shape != theirs[-1].shape:
            raise ModelError(
                f"the tokens must be the original's, got {len(ours[-1])} and not {len(theirs[-1])} of {piece!r}"
            )
    return _of_probabilities(np.concatenate(theirs), np.concatenate(ours), model.labels.index, len(pieces))


def of_encoder(original: Original, manifest: EncoderManifest, calls: Sequence[Call]) -> Parity:
    """Return the distance from 1 of the cosines between both embeddings, over the windows."""
    texts = list(dict.fromkeys(text for call in calls for text in _all_texts(call)))
    encodings = Encoder(manifest).encode(texts)
    windows = [(text, window) for text in texts for window in encodings[text].windows]
    theirs = original.predict([text[window.span.start : window.span.end] for text, window in windows])
    ours = np.stack([window.pooled for _, window in windows])
    distances = 1 - (theirs * ours).sum(axis=1) / np.linalg.norm(theirs, axis=1) / np.linalg.norm(ours, axis=1)
    return Parity(
        what="cosines",
        pieces=len(windows),
        numbers=len(windows),
        largest=float(distances.max()),
        mean=float(distances.mean()),
        rank_correlation=None,
    )


def rank_correlation(left: Numbers, right: Numbers) -> float | None:
    """Return Spearman's rank correlation; None if one side is constant.

    Example:
        >>> rank_correlation(np.array([0.1, 0.2, 0.9]), np.array([0.3, 0.4, 0.5]))
        1.0
    """
    a, b = _ranks(left), _ranks(right)
    if a.std() == 0 or b.std() == 0:
        return None
    return round(float(np.corrcoef(a, b)[0, 1]), 12)


def _of_probabilities(theirs: Numbers, ours: Numbers, index: int, pieces: int) -> Parity:
    differences = np.abs(theirs - ours)
    return Parity(
        what="probabilities",
        pieces=pieces,
        numbers=differences.size,
        largest=float(differences.max()),
        mean=float(differences.mean()),
        rank_correlation=rank_correlation(theirs[:, index], ours[:, index]),
    )


def _ranks(values: Numbers) -> Numbers:
    """Return the values' ranks; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Numbers = ((last - counts + last - 1) / 2)[inverse]
    return ranks


def _texts(model: WholeModel, calls: Sequence[Call]) -> Iterator[str]:
    room = model.room(texts=1)
    for call in calls:
        for text in (call.input_text, call.output_text):
            if text.strip():
                yield from (piece.text for piece in model.pieces(text, max_tokens=room))


def _pairs(model: WholeModel, calls: Sequence[Call]) -> Iterator[tuple[str, str]]:
    # a quarter for the claim, as in the service
    claim_tokens = model.room(texts=2) // 4
    context_tokens = model.room(texts=2) - claim_tokens
    for call in calls:
        answer = call.output_text
        for start, end in sentences(answer)[:_MAX_SENTENCES]:
            claim = model.pieces(answer[start:end], max_tokens=claim_tokens)[0].text
            for document in call.documents:
                for context in model.pieces(document, max_tokens=context_tokens):
                    yield context.text, claim


def _all_texts(call: Call) -> Iterator[str]:
    yield from (text for text in (call.input_text, call.output_text, *call.documents) if text.strip())
