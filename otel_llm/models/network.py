"""A library's model as a plain network for export: ids and masks in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class Network(torch.nn.Module):
    """Calls the model with named inputs, and picks the exported tensor from its output."""

    def __init__(self, model: Any, inputs: tuple[str, ...], pick: Callable[[Any], Any]) -> None:
        super().__init__()
        # the fusions know eager attention, and the tracer follows it for any length
        model.set_attn_implementation("eager")
        self.model = model
        self.inputs = inputs
        self._pick = pick

    def forward(self, *values: Any) -> Any:
        """Return the exported tensor; the arguments are in the order of `inputs`."""
        return self._pick(self.model(**dict(zip(self.inputs, values, strict=True))))


def input_names(model: Any, tokenizer: Any) -> tuple[str, ...]:
    """Return the names of the tokenizer's outputs that the model reads."""
    names = ("input_ids", "attention_mask")
    # RoBERTa has a single type and DeBERTa v3 none: type ids would say nothing
    has_types = "token_type_ids" in tokenizer.model_input_names and getattr(model.config, "type_vocab_size", 0) > 1
    return (*names, "token_type_ids") if has_types else names
