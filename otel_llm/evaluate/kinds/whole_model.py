"""A whole ONNX model with its own tokenizer, as models of transformers are exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Encoding, Tokenizer

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.encoding import FloatArray, IntArray
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.span import Piece
from otel_llm.evaluate.engine.cache import remembering
from otel_llm.evaluate.engine.runtime import probe, session
from otel_llm.evaluate.engine.windows import cut
from otel_llm.evaluate.kinds.probabilities import Labels

_REQUIRED: Final = {"input_ids", "attention_mask"}
_OPTIONAL: Final = {"token_type_ids"}
_SCREEN: Final = "screen"
# A piece of a text, tokenized again by itself, may have a few more tokens than it had within the text.
_SLACK: Final = 4
_LEAST_ROOM: Final = 8
"""Tokens of text that a window must have room for."""


@dataclass(frozen=True, eq=False)
class Screened:
    """A window's probabilities, and a sign of each token that its segment may fail by itself."""

    probabilities: FloatArray
    """(labels,)"""
    offsets: IntArray
    """(tokens, 2): first and end character of each token of the window."""
    signs: FloatArray
    """(tokens,): log-odds."""


class WholeModel:
    """Tokenizer and weights of one folder.

    The model runs on one input at a time, never on a padded batch: with int8 activations a text's scores would
    depend on the other texts of the batch, and on one thread batches are not faster (docs/decisions/0005).
    """

    def __init__(self, manifest: EvaluatorManifest, *, rank: int) -> None:
        """Load the files; `rank` is the output's: 2 for (batch, labels), 3 for (batch, tokens, labels).

        Raises:
            ModelError: a file cannot be loaded or is not what the manifest says, or a window has no room.
        """
        self.manifest = manifest
        self.tokenizer = read_tokenizer(manifest.path(manifest.tokenizer or ""))
        self.room(
            texts=1 if manifest.kind == "text_classifier" else 2
        )  # so that a wrong `max_tokens` raises while loading, not in a call
        self._path = manifest.path("model.onnx")
        self._session = session(self._path)
        self._first = self._session.get_outputs()[0].name
        self._inputs = {value.name for value in self._session.get_inputs()}
        if not _REQUIRED <= self._inputs <= _REQUIRED | _OPTIONAL:
            raise ModelError(
                f"{self._path}: inputs must be input_ids, attention_mask and, if any, token_type_ids,"
                f" got {sorted(self._inputs)}: export it anew"
            )
        output = probe(self._path, self._session, self._values(self.tokenizer.encode("a")))
        if output.ndim != rank or len(output) != 1:
            expected = "(batch, labels)" if rank == 2 else "(batch, tokens, labels)"
            raise ModelError(f"{self._path}: output must be {expected}, got shape {output.shape} for one text")
        self.labels = Labels(manifest, output.shape[-1])
        outputs = [value.name for value in self._session.get_outputs()]
        if (_SCREEN in outputs) != (manifest.screen is not None):
            raise ModelError(
                f"{manifest.folder / 'evaluator.toml'}: screen: must be given where {self._path} has an output"
                f" {_SCREEN!r}, and only there, got {manifest.screen} and outputs {outputs}"
            )

    def room(self, *, texts: int) -> int:
        """Return the number of tokens in a window for one text, or for two texts together.

        Raises:
            ModelError: the manifest's `max_tokens` is too small.
        """
        special: int = self.tokenizer.num_special_tokens_to_add(texts == 2)
        least = special + _SLACK + _LEAST_ROOM
        if self.manifest.max_tokens < least:
            raise ModelError(
                f"{self.manifest.folder / 'evaluator.toml'}: max_tokens: must be at least {least}, of which"
                f" {special} are special ones, got {self.manifest.max_tokens}"
            )
        return self.manifest.max_tokens - special - _SLACK

    def pieces(self, text: str, *, max_tokens: int) -> list[Piece]:
        """Return the text in pieces of at most `max_tokens`, and at most the manifest's `max_windows` pieces."""
        runs = cut(self.tokenizer, text, max_tokens=max_tokens, max_windows=self.manifest.max_windows)
        return [Piece(run.span, text[run.span.start : run.span.end]) for run in runs]

    def encode(self, text: str, pair: str | None = None) -> Encoding:
        """Return the tokens of a text, or of a pair of texts, with the special tokens."""
        tokens = self.tokenizer.encode(text, pair)
        tokens.truncate(self.manifest.max_tokens)  # only an unusual text has more tokens than `_SLACK` allows for
        return tokens

    @cached_property
    def classify(self) -> Callable[..., FloatArray]:
        """Function from a text, or a pair, to the labels' probabilities, (labels,); the latest are cached."""
        return remembering(lambda *texts: self.probabilities(self.encode(*texts)))

    @cached_property
    def screened(self) -> Callable[[str], Screened]:
        """Function from a window's text to its probabilities and its screen; the latest are cached."""
        return remembering(self._screened)

    def _screened(self, text: str) -> Screened:
        tokens = self.encode(text)
        first, signs = self._session.run([self._first, _SCREEN], self._values(tokens))
        offsets = np.array(tokens.offsets, dtype=np.int64).reshape(-1, 2)
        own = offsets[:, 1] > offsets[:, 0]  # special tokens have no place in the text
        return Screened(self.labels.probabilities(first[0]), offsets[own], signs[0][own])

    def probabilities(self, tokens: Encoding) -> FloatArray:
        """Return the labels' probabilities, (labels,) or (tokens, labels)."""
        output: FloatArray = self._session.run([self._first], self._values(tokens))[0]
        return self.labels.probabilities(output[0])

    def _values(self, tokens: Encoding) -> dict[str, IntArray]:
        values = {
            "input_ids": tokens.ids,
            "attention_mask": tokens.attention_mask,
            "token_type_ids": tokens.type_ids,
        }
        return {name: np.array([values[name]], dtype=np.int64) for name in self._inputs}


def read_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer in the file, which neither cuts nor pads.

    Raises:
        ModelError: the file is not one.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise ModelError(f"{path}: must be a tokenizer that the library tokenizers loads: {error}") from error
    # many files truncate and pad as in training; here texts are cut into windows instead
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
