"""A library's model as the plain network that is exported: ids and masks in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class Network(torch.nn.Module):
    """Calls the model with inputs by name, and picks what is exported from its answer."""

    def __init__(self, model: Any, inputs: tuple[str, ...], pick: Callable[[Any], Any]) -> None:
        super().__init__()
        # the fusions know this way of computing attention, and the tracer can follow it for any length
        model.set_attn_implementation("eager")
        self.model = model
        self.inputs = inputs
        self._pick = pick

    def forward(self, *values: Any) -> Any:
        """Return what is exported; the values are in the order of `inputs`."""
        return self._pick(self.model(**dict(zip(self.inputs, values, strict=True))))


def input_names(model: Any, tokenizer: Any) -> tuple[str, ...]:
    """Return the inputs that the model reads of what its tokenizer gives."""
    names = ("input_ids", "attention_mask")
    # RoBERTa's kind has one type only, DeBERTa's third version none: there is nothing to tell
    has_types = "token_type_ids" in tokenizer.model_input_names and getattr(model.config, "type_vocab_size", 0) > 1
    return (*names, "token_type_ids") if has_types else names
