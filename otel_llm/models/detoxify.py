"""Detoxify: original, unbiased, multilingual and the small ones, from a name or a checkpoint.

Source: https://github.com/unitaryai/detoxify, `detoxify.Detoxify`, 0.5.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from detoxify import Detoxify
from detoxify.detoxify import MODEL_URLS

from otel_llm.errors import ModelError
from otel_llm.models.network import Network, input_names
from otel_llm.models.original import Numbers, Options, Original, chosen, served_tokenizer, window


def load(source: str, options: Options) -> Original:
    """Return the model in the checkpoint, or the model that the library knows by the name.

    A checkpoint is a pickle, which can run code when the library loads it.

    Raises:
        ModelError: the source is neither.
    """
    detoxify = _load(source, options.base)
    detoxify.model.eval()
    labels = list(detoxify.class_names)
    keys = {
        "kind": "text_classifier",
        "targets": ["input", "output"],
        "scores": "toxic",
        "labels": labels,
        "label": chosen(labels, options, lambda label: label == "toxicity", "toxicity"),
        "activation": "sigmoid",
        "max_tokens": window(detoxify.tokenizer, detoxify.model.config, options),
    }

    def predict(texts: Sequence[str]) -> Numbers:
        # one by one: for a list with one text the library returns numbers in place of lists
        scores = [detoxify.predict(text) for text in texts]
        return np.array([[score[label] for label in labels] for score in scores], dtype=np.float64)

    inputs = input_names(detoxify.model, detoxify.tokenizer)
    return Original(
        library="detoxify.Detoxify",
        network=Network(detoxify.model, inputs, lambda output: output.logits),
        inputs=inputs,
        config=detoxify.model.config,
        tokenizer=served_tokenizer(detoxify.tokenizer),
        keys=keys,
        predict=predict,
    )


def _load(source: str, base: str | None) -> Detoxify:
    if Path(source).is_file():
        return Detoxify(checkpoint=source, huggingface_config_path=base)
    if source not in MODEL_URLS:
        raise ModelError(
            f"SOURCE: must be a checkpoint's file or a name of detoxify's, {', '.join(MODEL_URLS)}, got {source!r}"
        )
    return Detoxify(source, huggingface_config_path=base)
