"""The shared encoder: each distinct text is tokenized and encoded once, for every evaluator that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
from tokenizers import Tokenizer

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.encoding import Encoding, Window
from otel_llm.evaluate.definition.manifest import EncoderManifest
from otel_llm.evaluate.engine.runtime import session
from otel_llm.evaluate.engine.windows import Tokens, cut


class Encoder:
    """A frozen ONNX text encoder with its tokenizer.

    Texts are encoded one window at a time, never padded into batches. The scale of the int8 activations is taken
    over the whole input, so a text's states would depend on the other texts of its batch (measured: a cosine of
    0.96 between alone and in a batch of 32); and on a processor without VNNI batches of real texts are not faster.

    With several threads, each encodes a text at a time. `encode` is called by one thread; any thread may call
    `close`, for ever: texts that are being encoded go on, the others are given up.
    """

    def __init__(self, manifest: EncoderManifest, *, threads: int = 1) -> None:
        """Load tokenizer and weights.

        Raises:
            ModelError: a file is missing, cannot be loaded, or gives states of another dimension.
            ChecksumError: a file is not the one on record.
        """
        manifest.check_files()
        self.manifest = manifest
        self._tokenizer = Tokenizer.from_file(str(manifest.path("tokenizer.json")))
        # [CLS] and [SEP] in most tokenizers, <s> and </s> in those of RoBERTa
        self._special = tuple(self._tokenizer.encode("").ids)
        self._session = session(manifest.path("encoder.onnx"))
        dimension = self._session.get_outputs()[0].shape[-1]
        if dimension != manifest.dimension:
            raise ModelError(
                f"{manifest.folder}: dimension must be that of encoder.onnx, {dimension}, got {manifest.dimension}"
            )
        self._closed = False
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encoder") if threads > 1 else None

    def encode(self, texts: Iterable[str]) -> dict[str, Encoding]:
        """Return the encoding of each distinct text; an encoding never depends on the other texts.

        Raises:
            CancelledError: the encoder was closed meanwhile.
        """
        distinct = dict.fromkeys(texts)
        # the longest text first: else one thread would still encode it when the others are done
        order = sorted(distinct, key=len, reverse=True)
        return dict(zip(order, self._map(order), strict=True))

    def close(self) -> None:
        """Give up the texts that no thread has begun, so that the process can end without them."""
        self._closed = True
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _map(self, texts: Sequence[str]) -> Iterable[Encoding]:
        if self._pool is None:
            return map(self._encode, texts)
        try:
            return self._pool.map(self._encode, texts)
        except RuntimeError as error:
            if self._closed:  # while the texts were handed over: the pool takes no more
                raise CancelledError from error
            raise

    def _encode(self, text: str) -> Encoding:
        limits = {"max_tokens": self.manifest.max_tokens - 2, "max_windows": self.manifest.max_windows}
        return Encoding(tuple(self._run(tokens) for tokens in cut(self._tokenizer, text, **limits)))

    def _run(self, tokens: Tokens) -> Window:
        first, last = self._special
        span = tokens.span
        (states,) = self._session.run(
            None,
            {
                "input_ids": np.array([[first, *tokens.ids, last]], dtype=np.int64),
                "attention_mask": np.ones((1, len(tokens.ids) + 2), dtype=np.int64),
            },
        )
        edges = np.array([[span.start] * 2, [span.end] * 2], dtype=np.int64)
        return Window(span, np.concatenate([edges[:1], tokens.offsets, edges[1:]]), states[0])
