"""Cross-encoders of natural language inference: the probability that a context entails a claim.

Source: https://sbert.net, `sentence_transformers.CrossEncoder`, 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder

from otel_llm.errors import ModelError
from otel_llm.models.network import Network, input_names
from otel_llm.models.original import Numbers, Options, Original, Pair, chosen, labels_of, served_tokenizer, window


def load(source: str, options: Options) -> Original:
    """Return the cross-encoder of the folder or name.

    Raises:
        ModelError: the model is no sequence classifier, or no label means entailment.
    """
    encoder = CrossEncoder(source, device="cpu")
    model = encoder.transformers_model
    if model is None or not hasattr(model, "classifier"):
        raise ModelError(f"{source}: must be a cross-encoder with a classifier, got {type(model).__name__}")
    inputs = input_names(model, encoder.tokenizer)

    def predict(pairs: Sequence[Pair]) -> Numbers:
        single = encoder.num_labels == 1
        activation = torch.nn.Sigmoid() if single else torch.nn.Softmax(dim=-1)
        scores = encoder.predict(list(pairs), activation_fn=activation, batch_size=1, show_progress_bar=False)
        return np.asarray(scores, dtype=np.float64).reshape(len(pairs), -1)

    return Original(
        library="sentence_transformers.CrossEncoder",
        network=Network(model.eval(), inputs, lambda output: output.logits),
        inputs=inputs,
        config=model.config,
        tokenizer=served_tokenizer(encoder.tokenizer),
        keys=_keys(encoder, model.config, options),
        predict=predict,
    )


def _keys(encoder: CrossEncoder, config: Any, options: Options) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "kind": "pair_classifier",
        "targets": ["output"],
        "scores": "grounded",
        "fails": "below",
        "max_tokens": window(encoder.tokenizer, config, options),
    }
    if encoder.num_labels == 1:
        return keys | {"activation": "sigmoid"}
    labels = labels_of(config)
    label = chosen(labels, options, lambda name: name.startswith("entail"), "entailment")
    return keys | {"labels": labels, "label": label, "activation": "softmax"}
