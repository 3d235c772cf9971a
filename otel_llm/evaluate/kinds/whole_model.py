"""A classifier that is a whole ONNX model with a tokenizer of its own, as transformers' are exported."""

from __future__ import annotations

from collections.abc import Callable
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
# A piece of a text, tokenized again by itself, may have a few more tokens than it had within the text.
_SLACK: Final = 4
_LEAST_ROOM: Final = 8
"""Tokens of texts that a window must have room for."""


class WholeModel:
    """Tokenizer and weights of one folder.

    It runs on one input at a time, never on a padded batch: with int8 activations a text's scores would depend on
    its company, and on one thread batches are not faster (docs/decisions/0005).
    """

    def __init__(self, manifest: EvaluatorManifest, *, rank: int) -> None:
        """Load the files; `rank` is that of the output: 2 for (batch, labels), 3 for (batch, tokens, labels).

        Raises:
            ModelError: a file cannot be loaded or is not what the manifest says, or a window has no room.
        """
        self.manifest = manifest
        self.tokenizer = read_tokenizer(manifest.path(manifest.tokenizer or ""))
        self.room(texts=1 if manifest.kind == "text_classifier" else 2)  # raises while loading, not in a call
        self._path = manifest.path("model.onnx")
        self._session = session(self._path)
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

    def room(self, *, texts: int) -> int:
        """Return how many tokens of `texts` texts together, one or two, fit into a window.

        Raises:
            ModelError: too few to read anything.
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
        """Return the text in pieces of at most so many tokens, as many as `max_windows` says."""
        runs = cut(self.tokenizer, text, max_tokens=max_tokens, max_windows=self.manifest.max_windows)
        return [Piece(run.span, text[run.span.start : run.span.end]) for run in runs]

    def encode(self, text: str, pair: str | None = None) -> Encoding:
        """Return the tokens of a text, or of two as the model reads them, with special ones."""
        tokens = self.tokenizer.encode(text, pair)
        tokens.truncate(self.manifest.max_tokens)  # beyond `_SLACK`, which no ordinary text reaches
        return tokens

    @cached_property
    def classify(self) -> Callable[..., FloatArray]:
        """The labels' probabilities, (labels,), of a text, or of two; what was asked last is remembered."""
        return remembering(lambda *texts: self.probabilities(self.encode(*texts)))

    def probabilities(self, tokens: Encoding) -> FloatArray:
        """Return the labels' probabilities, (labels,) or (tokens, labels)."""
        output: FloatArray = self._session.run(None, self._values(tokens))[0]
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
    except Exception as error:  # the library raises Exception itself
        raise ModelError(f"{path}: must be a tokenizer that the library tokenizers loads: {error}") from error
    # a file often says how its training cut and padded texts: here that is left to the windows
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
