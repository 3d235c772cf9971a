"""The texts that go into a model beside its instructions, and the pieces of them that may be instructions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.evaluate.api import Call, Encoding, Piece, Read, Span, passages, read_of, target_text
from otel_llm_evaluators.prompt_injection.disguises import undisguised

_CHARACTERS: Final = 200_000  # read of one call, shared by its texts
_LEAST: Final = 2_000  # read of each text at least, so that a hundred documents are all read
_TEXTS: Final = 100  # documents and tool results read of one call: the last ones, which are of this turn
_PASSAGES: Final = 12  # pieces of documents and tool results that the classifier reads of one call
_PASSAGE_SENTENCES: Final = 3
_PASSAGE_CHARACTERS: Final = 420  # about a window of the encoder, as in training
_WORDS: Final = re.compile(r"\w+")
# Signs of an order to the reader: a word for the reader, an answer or a model; a sentence that begins with a verb.
_TELLS: Final = re.compile(
    r"\b(?:you|your|yourself|assistants?|ai|llms?|bots?|chatbots?|models?|agents?|answers?|repl(?:y|ies)|responses?"
    r"|prompts?|instructions?|ignore|disregard|forget|http\w*|www|note|important|attention|must|never)\b"
    r"|(?:^|[.!?:;>#/|\"'(\[-]\s{0,3}|\n\s{0,3})(?:please\s)?"
    r"(?:say|tell|write|print|output|send|give|show|reveal|explain|describe|translate|list|add|include|provide|create"
    r"|draft|compose|develop|make|use|convert|replace|remove|change|modify|insert|execute|run|call|delete|forward"
    r"|recommend|suggest|visit|click|answer|respond|reply|begin|start|stop|do|don't|act|pretend|integrate|rearrange"
    r"|scramble|repeat|what|who|how|can)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Source:
    """One text that goes into the model."""

    name: str
    """Name in explanations: "input", "document 2", "tool result 1"."""
    pieces: tuple[Piece, ...]
    """Text for the rules; of a long text its beginning and its end."""

    @property
    def is_document(self) -> bool:
        """True if the application fetched the text: its author has no assistant to speak to."""
        return self.name != "input"


def sources(call: Call) -> list[Source]:
    """Return the input, the documents and the tool results that have a text."""
    question = target_text(call, "input")
    named = [*([("input", question)] if question else []), *_fetched(call)[-_TEXTS:]]
    share = _share([len(text) for _, text in named])
    return [Source(name, tuple(_ends(text, share // 2))) for name, text in named]


def suspects(call_sources: list[Source]) -> dict[str, list[Piece]]:
    """Return the pieces that the classifier reads, by the source's name.

    Of the input these are all pieces; of fetched texts the few passages of the call that tell a reader most often
    what to do. A disguised text is undisguised; any other text is unchanged, so that the encoder reads it once for
    all evaluators.
    """
    chosen = {source.name: list(source.pieces) for source in call_sources if not source.is_document}
    telling = sorted(
        (
            (-len(_TELLS.findall(passage.text)), number, source.name, passage)
            for number, source in enumerate(call_sources)
            if source.is_document
            for passage in _passages(source)
        ),
        key=lambda each: each[:2],
    )
    for count, _, name, passage in telling[:_PASSAGES]:
        if count:
            chosen.setdefault(name, []).append(passage)
    return {name: [Piece(piece.span, _meant(piece.text)) for piece in pieces] for name, pieces in chosen.items()}


def characters_read(
    call: Call,
    found: Sequence[Source],
    chosen: Mapping[str, Sequence[Piece]],
    encodings: Mapping[str, Encoding],
) -> Read:
    """Return how many characters were read, of the input and of all that was fetched.

    Of fetched texts this is what the rules read, of the input what the classifier read as well.
    """
    part = 0
    for source in found:
        for piece in source.pieces if source.is_document else chosen[source.name]:
            length = piece.span.end - piece.span.start
            if not source.is_document:
                read = read_of(piece.text, (window.span for window in encodings[piece.text].windows))
                length = length if read.is_whole else min(length, read.part)  # a disguised text may be longer
            part += length
    whole = len(target_text(call, "input")) + sum(len(text) for _, text in _fetched(call))
    return Read(part=part, whole=whole, unit="characters")


def _fetched(call: Call) -> list[tuple[str, str]]:
    return [
        (f"{kind} {number}", text)
        for kind, texts in (("document", call.documents), ("tool result", call.tool_results))
        for number, text in enumerate(texts, 1)
        if text.strip()
    ]


def _share(lengths: Sequence[int]) -> int:
    """Return the characters that are read of a text at most: what shorter texts leave is for the longer ones."""
    left, share = _CHARACTERS, _CHARACTERS
    for count, length in zip(range(len(lengths), 0, -1), sorted(lengths), strict=True):
        share = left // count
        left -= min(length, share)
    return max(_LEAST, share)


def _ends(text: str, half: int) -> Iterator[Piece]:
    if len(text) <= 2 * half:
        yield Piece(Span(0, len(text)), text)
    else:
        yield Piece(Span(0, half), text[:half])
        yield Piece(Span(len(text) - half, len(text)), text[-half:])


def _passages(source: Source) -> Iterator[Piece]:
    for piece in source.pieces:
        for start, end in passages(
            piece.text, max_sentences=_PASSAGE_SENTENCES, max_characters=_PASSAGE_CHARACTERS
        ):
            yield Piece(Span(piece.span.start + start, piece.span.start + end), piece.text[start:end])


def _meant(text: str) -> str:
    plain = undisguised(text)
    return plain if _WORDS.findall(plain) != _WORDS.findall(text) else text
