"""The graph of the toxicity model: its states are read, and its heads are put on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Encoding

_STATES = "/encoder/encoder/layer.5/output/LayerNorm/LayerNormalization_output_0"
_POOLED = "/Div_output_0"

Floats = NDArray[np.float64]


class Head(NamedTuple):
    """A linear layer."""

    weights: Floats
    """(dimension, outputs)"""
    bias: Floats
    """(outputs,)"""


class Trained:
    """The model as `recipes.toxicity` exports it, with its states as outputs."""

    def __init__(self, path: Path) -> None:
        self._model = onnx.load(path)
        values = {each.name: numpy_helper.to_array(each) for each in self._model.graph.initializer}
        name = "judge.weight_Transposed"
        weights = values[f"{name}_quantized"].astype(np.float64) - values[f"{name}_zero_point"]
        temperature = float(values["temperature"])
        self.head = Head(weights * values[f"{name}_scale"] / temperature, values["judge.bias"] / temperature)
        outputs = [helper.make_tensor_value_info(each, TensorProto.FLOAT, None) for each in (_STATES, _POOLED)]
        self._model.graph.output.extend(outputs)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(self._model.SerializeToString(), options)

    def states(self, tokens: Encoding) -> NDArray[np.float32]:
        """Return the states of the tokens, (tokens, dimension)."""
        found: NDArray[np.float32] = self._run(_STATES, tokens)
        return found

    def pooled(self, tokens: Encoding) -> NDArray[np.float32]:
        """Return the mean of the states, (dimension,)."""
        found: NDArray[np.float32] = self._run(_POOLED, tokens)
        return found

    def write(self, path: Path, head: Head, screen: Head) -> None:
        """Write the model with these heads: `logits` over the mean state, `screen` over each token's."""
        graph = self._model.graph
        del graph.output[:]
        end = next(number for number, node in enumerate(graph.node) if _POOLED in node.output)
        del graph.node[end + 1 :]
        used = {name for node in graph.node for name in node.input}
        kept = [each for each in graph.initializer if each.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)
        self._put(_POOLED, head, "logits", ["batch", len(head.bias)])
        self._put(_STATES, Head(screen.weights[:, 0], screen.bias), "screen", ["batch", "tokens"])
        onnx.save(self._model, path)

    def _put(self, states: str, head: Head, output: str, shape: Sequence[str | int]) -> None:
        graph = self._model.graph
        for part, value in head._asdict().items():
            graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), f"{output}.{part}"))
        graph.node.append(helper.make_node("MatMul", [states, f"{output}.weights"], [f"{output}.product"]))
        graph.node.append(helper.make_node("Add", [f"{output}.product", f"{output}.bias"], [output]))
        graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))

    def _run(self, name: str, tokens: Encoding) -> NDArray[np.float32]:
        inputs = {"input_ids": np.array([tokens.ids]), "attention_mask": np.array([tokens.attention_mask])}
        found: NDArray[np.float32] = self._session.run([name], inputs)[0][0]
        return found
