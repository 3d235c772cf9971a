"""A torch network as an ONNX graph, fused if ONNX Runtime knows the architecture."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from onnxruntime.transformers.optimizer import optimize_model

# transformers' model_type -> the optimizer's. For attention of other designs (deberta-v2, modernbert, mpnet, t5),
# normalization and activation are still fused.
_FUSIONS: Final = {
    "albert": "bert",
    "bert": "bert",
    "camembert": "bert",
    "deberta-v2": "bert",
    "distilbert": "bert",
    "electra": "bert",
    "modernbert": "bert",
    "mpnet": "bert",
    "roberta": "bert",
    "t5": "t5",
    "xlm-roberta": "bert",
}


def is_fused(config: Any) -> bool:
    """Return whether graphs of the architecture are fused."""
    return config.model_type in _FUSIONS


def write_graph(network: Any, inputs: Sequence[str], output: str, path: Path, *, per_token: bool) -> None:
    """Write the network as ONNX; each input is int64 (batch, tokens), with any batch and any number of tokens.

    With `per_token` the output is (batch, tokens, …), else (batch, …).
    """
    ids = torch.ones((2, 16), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 10:] = 0  # a padded text beside a full one: the graph must be right for both
    examples = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    axes = {name: {0: "batch", 1: "tokens"} for name in [*inputs, *([output] if per_token else [])]}
    with warnings.catch_warnings():
        # the tracer warns of sizes that the network's code compares; parity is measured on other sizes
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            tuple(examples[name] for name in inputs),
            path,
            dynamo=False,  # the fusions know only the graphs of the older exporter
            opset_version=17,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={output: {0: "batch"}} | axes,
        )


def fuse(plain: Path, config: Any) -> Any:
    """Return the graph, fused by ONNX Runtime's optimizer; unchanged for an unknown architecture."""
    return optimize_model(
        str(plain),
        model_type=_FUSIONS.get(config.model_type, config.model_type),
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
    )
