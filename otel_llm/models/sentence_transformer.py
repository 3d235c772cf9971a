"""Encoders of sentences, to replace the shared encoder.

Source: https://sbert.net, `sentence_transformers.SentenceTransformer`, 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from otel_llm.errors import ModelError
from otel_llm.models.network import Network
from otel_llm.models.original import Numbers, Options, Original, served_tokenizer, window


def load(source: str, options: Options) -> Original:
    """Return the encoder of the folder or name.

    Raises:
        ModelError: the embedding is not the mean of the token states, the only one that the service computes.
    """
    encoder = SentenceTransformer(source, device="cpu")
    model = encoder.transformers_model
    _check_pooling(source, list(encoder)[1:])
    if model is None:
        raise ModelError(f"{source}: must be a transformer, got {type(encoder[0]).__name__}")

    def predict(texts: Sequence[str]) -> Numbers:
        # no prompt: the service encodes texts as they are
        embeddings = encoder.encode(list(texts), prompt="", batch_size=1, show_progress_bar=False)
        return np.asarray(embeddings, dtype=np.float64)

    inputs = ("input_ids", "attention_mask")
    default = min(encoder.max_seq_length or 512, 512)
    return Original(
        library="sentence_transformers.SentenceTransformer",
        network=Network(model.eval(), inputs, lambda output: output.last_hidden_state),
        inputs=inputs,
        config=model.config,
        tokenizer=served_tokenizer(encoder.tokenizer),
        keys={
            "kind": "encoder",
            "dimension": model.config.hidden_size,
            "max_tokens": window(encoder.tokenizer, model.config, options, default=default),
            "max_windows": 32,
        },
        predict=predict,
    )


def _check_pooling(source: str, modules: Sequence[Any]) -> None:
    pooling = modules[0] if modules else None
    others = [type(module).__name__ for module in modules[1:] if not isinstance(module, Normalize)]
    mode = getattr(pooling, "pooling_mode", None)
    if not isinstance(pooling, Pooling) or mode != "mean" or others:
        raise ModelError(
            f"{source}: must pool its token states to their mean, with nothing after it but normalization, got "
            f"{', '.join([str(mode or type(pooling).__name__), *others])}: the service knows no other embedding"
        )
