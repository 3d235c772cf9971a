"""A torch network as an ONNX graph, fused where ONNX Runtime knows the architecture."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from onnxruntime.transformers.optimizer import optimize_model

# transformers' model_type -> the optimizer's. Where attention is of another make (deberta-v2, modernbert, mpnet,
# t5), normalization and activation are still fused
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
    """Return whether graphs of that architecture are fused."""
    return config.model_type in _FUSIONS


def write_graph(network: Any, inputs: Sequence[str], output: str, path: Path, *, per_token: bool) -> None:
    """Write the network as ONNX; each input is (batch, tokens) int64, both of any number.

    `per_token`: its output is (batch, tokens, …), else (batch, …).
    """
    ids = torch.ones((2, 16), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 10:] = 0  # a padded text beside a whole one: the graph must hold for both
    examples = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    axes = {name: {0: "batch", 1: "tokens"} for name in [*inputs, *([output] if per_token else [])]}
    with warnings.catch_warnings():
        # the tracer's: of each size that the network's code compares; parity is measured on other sizes
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            tuple(examples[name] for name in inputs),
            path,
            dynamo=False,  # the fusions know the graphs of the older exporter
            opset_version=17,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={output: {0: "batch"}} | axes,
        )


def fuse(plain: Path, config: Any) -> Any:
    """Return the graph as ONNX Runtime's optimizer fuses it; as it is where the architecture is not known."""
    return optimize_model(
        str(plain),
        model_type=_FUSIONS.get(config.model_type, config.model_type),
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
    )
