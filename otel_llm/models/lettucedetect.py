"""Token classifiers of LettuceDetect: the tokens of an answer that its context does not support.

Source: https://github.com/KRLabsOrg/LettuceDetect, `TransformerDetector` and `HallucinationDataset`: the tokenizer
reads (context, answer), and class 1 is the hallucinated one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from otel_llm.models.network import Network, input_names
from otel_llm.models.original import Numbers, Options, Original, Pair, chosen, labels_of, served_tokenizer, window

_UNNAMED = ["label_0", "label_1"]
_NAMES = ["supported", "hallucinated"]


def load(source: str, options: Options) -> Original:
    """Return the token classifier of the folder or name.

    Raises:
        ModelError: no label means hallucinated.
    """
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForTokenClassification.from_pretrained(source).eval()
    labels = labels_of(model.config)
    labels = _NAMES if labels == _UNNAMED else labels
    inputs = input_names(model, tokenizer)
    max_tokens = window(tokenizer, model.config, options, default=4096)  # as the detector's own max_length

    def predict(pairs: Sequence[Pair]) -> Numbers:
        return np.concatenate([_answer_probabilities(model, tokenizer, *pair, max_tokens) for pair in pairs])

    return Original(
        library="transformers.AutoModelForTokenClassification",
        network=Network(model, inputs, lambda output: output.logits),
        inputs=inputs,
        config=model.config,
        tokenizer=served_tokenizer(tokenizer),
        keys={
            "kind": "token_classifier",
            "targets": ["output"],
            "scores": "grounded",
            "fails": "below",
            "labels": labels,
            "label": chosen(labels, options, lambda name: name.startswith("halluc"), "hallucinated"),
            "activation": "softmax",
            "max_tokens": max_tokens,
        },
        predict=predict,
    )


def _answer_probabilities(model: Any, tokenizer: Any, context: str, answer: str, max_tokens: int) -> Numbers:
    """Return (tokens, labels), the probabilities of the answer's tokens, selected as the detector does."""
    tokens = tokenizer(context, answer, truncation="only_first", max_length=max_tokens, return_tensors="pt")
    count = len(tokenizer(answer, add_special_tokens=False)["input_ids"])
    start = tokens["input_ids"].shape[1] - count - 1  # the last token is special
    with torch.inference_mode():
        probabilities = torch.softmax(model(**tokens).logits, dim=-1)[0]
    found: Numbers = probabilities[start:-1].double().numpy()
    return found
