"""HHEM-2.1-Open: a T5 encoder that reads premise and hypothesis in a prompt, and answers by its first token.

The code in its repository is not run: the weights are those of transformers' `T5ForTokenClassification` under the
prefix `t5.`, and this module does the rest of what that code does.

Source: https://huggingface.co/vectara/hallucination_evaluation_model, configuration_hhem_v2.py and
modeling_hhem_v2.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoConfig, AutoTokenizer, T5ForTokenClassification
from transformers.utils import cached_file

from otel_llm.errors import ModelError
from otel_llm.models.network import Network
from otel_llm.models.original import Numbers, Options, Original, Pair, served_tokenizer, window

_PREFIX: Final = "t5."
# the default of the configuration's class
_FOUNDATION: Final = "google/flan-t5-base"
_PROMPT: Final = (
    "<pad> Determine if the hypothesis is true given the premise?\n\nPremise: {text1}\n\nHypothesis: {text2}"
)
_SHARED: Final = "transformer.shared.weight"
_EMBEDDED: Final = "transformer.encoder.embed_tokens.weight"


def load(source: str, options: Options) -> Original:
    """Return the model of the folder or name; `base` names the folder of T5's configuration and tokenizer.

    Raises:
        ModelError: the weights are not those of HHEM.
    """
    settings = json.loads(Path(_file(source, "config.json")).read_text(encoding="utf-8"))
    base = options.base or settings.get("foundation", _FOUNDATION)
    prompt = settings.get("prompt", _PROMPT)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = T5ForTokenClassification(AutoConfig.from_pretrained(base, num_labels=2))
    _fill(model, load_file(_file(source, "model.safetensors")), source)
    model.eval()

    def predict(pairs: Sequence[Pair]) -> Numbers:
        return np.stack([_probabilities(model, tokenizer, prompt.format(text1=a, text2=b)) for a, b in pairs])

    inputs = ("input_ids", "attention_mask")
    return Original(
        library="transformers.T5ForTokenClassification",
        network=Network(model, inputs, lambda output: output.logits[:, 0, :]),
        inputs=inputs,
        config=model.config,
        tokenizer=with_prompt(served_tokenizer(tokenizer), prompt),
        keys={
            "kind": "pair_classifier",
            "targets": ["output"],
            "scores": "grounded",
            "fails": "below",
            "labels": ["inconsistent", "consistent"],
            "label": "consistent",
            "activation": "softmax",
            "max_tokens": window(tokenizer, model.config, options),
        },
        predict=predict,
    )


def with_prompt(tokenizer: Tokenizer, prompt: str) -> Tokenizer:
    """Return the tokenizer, which puts the prompt around a pair of texts.

    T5's tokens never cross a space, so the prompt's parts have the same tokens alone and within the whole.
    """
    begin, rest = prompt.split("{text1}")
    middle, end = rest.split("{text2}")
    closing = tokenizer.encode(end, add_special_tokens=True)
    pieces = {"[BEGIN]": _tokens(tokenizer, begin), "[MIDDLE]": _tokens(tokenizer, middle), "[END]": closing}
    tokenizer.post_processor = TemplateProcessing(
        single="$A [END]",
        pair="[BEGIN] $A [MIDDLE] $B [END]",
        special_tokens=[
            {"id": name, "ids": encoding.ids, "tokens": encoding.tokens} for name, encoding in pieces.items()
        ],
    )
    return tokenizer


def _tokens(tokenizer: Tokenizer, text: str) -> Any:
    return tokenizer.encode(text.strip(), add_special_tokens=False)


def _fill(model: Any, weights: dict[str, Any], source: str) -> None:
    """Put the weights into the model: all of them, or its outputs would be random."""
    own = {name.removeprefix(_PREFIX): value for name, value in weights.items() if name.startswith(_PREFIX)}
    # one tensor with two names; the file has one or both
    embeddings = own.get(_SHARED, own.get(_EMBEDDED))
    if embeddings is not None:
        own |= {_SHARED: embeddings, _EMBEDDED: embeddings}
    try:
        model.load_state_dict(own)
    except RuntimeError as error:
        lacking = " ".join(str(error).split())  # the message has several lines
        raise ModelError(f"{source}: model.safetensors must hold HHEM's weights: {lacking}") from error


def _probabilities(model: Any, tokenizer: Any, text: str) -> Numbers:
    with torch.inference_mode():
        logits = model(**tokenizer([text], return_tensors="pt")).logits[0, 0, :]
    probabilities: Numbers = torch.softmax(logits, dim=-1).double().numpy()
    return probabilities


def _file(source: str, name: str) -> str:
    path: str = cached_file(source, name)
    return path
