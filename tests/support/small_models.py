"""ONNX models of a few words, that work as the large ones of their kind do."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, normalizers
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def tokenizer(words: Sequence[str], *, trained_to_cut: bool = False) -> Tokenizer:
    """Return one that knows those words, and takes texts and pairs as BERT's does."""
    made = Tokenizer(WordLevel({word: index for index, word in enumerate([*_SPECIAL, *words])}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    if trained_to_cut:
        made.enable_truncation(8)
        made.enable_padding(length=8)
    return made


def text_model(made: Tokenizer, logits: Mapping[str, Sequence[float]], rest: Sequence[float]) -> bytes:
    """Return a model of (batch, labels) whose every output is the largest logit of any word of the text."""
    table = np.array([rest] * made.get_vocab_size(), dtype=np.float32)
    for word, row in logits.items():
        table[made.token_to_id(word)] = row
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceMax", ["rows", "axis"], ["logits"], keepdims=0),
    ]
    return _model(nodes, {"table": table, "axis": np.array([1])}, _inputs(), ["batch", len(rest)])


def diluted_model(
    made: Tokenizer,
    logits: Mapping[str, Sequence[float]],
    rest: Sequence[float],
    signs: Mapping[str, float] | None,
) -> bytes:
    """Return a model of (batch, labels) whose every output is the mean of its words' logits.

    With `signs`, it has an output `screen`, (batch, tokens): the word's sign, and -10 of other words.
    """
    table = np.array([rest] * made.get_vocab_size(), dtype=np.float32)
    screen = np.full(made.get_vocab_size(), -10, dtype=np.float32)
    for word, row in logits.items():
        table[made.token_to_id(word)] = row
    for word, sign in (signs or {}).items():
        screen[made.token_to_id(word)] = sign
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceMean", ["rows", "axis"], ["logits"], keepdims=0),
        *([helper.make_node("Gather", ["signs", "input_ids"], ["screen"])] if signs else []),
    ]
    constants = {"table": table, "axis": np.array([1]), "signs": screen}
    return _model(nodes, constants, _inputs(), ["batch", len(rest)], screen=["batch", "tokens"] if signs else None)


def pair_model(made: Tokenizer) -> bytes:
    """Return a model of (batch, 2): probabilities of contradiction and of entailment.

    The second text is entailed as far as the worst of its words is in the first.
    """
    nodes = [
        *_missing(),
        helper.make_node("ReduceMax", ["missing", "words"], ["worst"], keepdims=0),
        helper.make_node("Unsqueeze", ["worst", "last"], ["contradiction"]),
        helper.make_node("Sub", ["one", "contradiction"], ["entailment"]),
        helper.make_node("Concat", ["contradiction", "entailment"], ["logits"], axis=1),
    ]
    return _model(nodes, _constants(made), _inputs("token_type_ids"), ["batch", 2])


def token_model(made: Tokenizer) -> bytes:
    """Return a model of (batch, tokens, 2): of supported and hallucinated; what the first text lacks is that."""
    nodes = [
        *_missing(),
        helper.make_node("Unsqueeze", ["missing", "last_of_3"], ["column"]),
        helper.make_node("Mul", ["column", "steep"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "half"], ["hallucinated"]),
        helper.make_node("Neg", ["hallucinated"], ["supported"]),
        helper.make_node("Concat", ["supported", "hallucinated"], ["logits"], axis=2),
    ]
    return _model(nodes, _constants(made), _inputs("token_type_ids"), ["batch", "tokens", 2])


def head(direction: NDArray[np.float32], bias: float) -> bytes:
    """Return a head over the encoder's embedding: the sigmoid of its product with the direction."""
    nodes = [
        helper.make_node("MatMul", ["pooled", "direction"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [len(direction)])]
    constants = {"direction": direction[:, None], "bias": np.array([bias], dtype=np.float32)}
    return _model(nodes, constants, inputs, [1])


def _missing() -> list[onnx.NodeProto]:
    """Return nodes that give "missing" (batch, tokens): 1 for a word of the second text that the first lacks."""
    return [
        helper.make_node("Gather", ["identity", "input_ids"], ["hot"]),
        helper.make_node("Cast", ["token_type_ids"], ["second"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["one", "second"], ["first"]),
        helper.make_node("Unsqueeze", ["first", "last_of_3"], ["mask"]),
        helper.make_node("Mul", ["hot", "mask"], ["hot_first"]),
        helper.make_node("ReduceMax", ["hot_first", "words"], ["said"], keepdims=1),
        helper.make_node("Sub", ["one", "said"], ["unsaid"]),
        helper.make_node("Mul", ["hot", "unsaid"], ["hot_unsaid"]),
        helper.make_node("ReduceSum", ["hot_unsaid", "last_of_3"], ["lacking"], keepdims=0),
        helper.make_node("Mul", ["lacking", "second"], ["missing"]),
    ]


def _constants(made: Tokenizer) -> dict[str, NDArray]:
    return {
        "identity": np.eye(made.get_vocab_size(), dtype=np.float32),
        "one": np.ones((), dtype=np.float32),
        "words": np.array([1]),
        "last": np.array([1]),
        "last_of_3": np.array([2]),
        "steep": np.array(16, dtype=np.float32),
        "half": np.array(8, dtype=np.float32),
    }


def _inputs(*more: str) -> list[onnx.ValueInfoProto]:
    names = ["input_ids", "attention_mask", *more]
    return [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names]


def _model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray],
    inputs: Sequence[onnx.ValueInfoProto],
    output: Sequence[str | int],
    **others: Sequence[str | int] | None,
) -> bytes:
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "small",
        inputs,
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in {"logits": output, **others}.items()
            if shape
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()
