"""The export of another library's model into a folder, with the measured parity of both."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from transformers.utils.logging import disable_progress_bar

from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest, read_manifest
from otel_llm.genai.call import Call
from otel_llm.models.card import Facts, card, describe
from otel_llm.models.folder import write_lines, write_manifest, write_tokenizer
from otel_llm.models.graph import fuse, write_graph
from otel_llm.models.installed import size_of
from otel_llm.models.original import Options, Original
from otel_llm.models.original_results import OriginalResult, cases, original_results
from otel_llm.models.parity import Parity, of_encoder, of_evaluator
from otel_llm.models.quantization import Precision, write_model

TOLERANCES: Final[Mapping[Precision, float]] = {"int8": 0.1, "fp16": 0.01, "fp32": 0.001}
"""Default of --tolerance for each precision; int8 costs all-MiniLM-L6-v2 up to 0.056."""


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """The model to export, and the options."""

    source: str
    kind: str
    """Family of the source: detoxify, sentence-transformer, nli, lettucedetect or hhem."""
    name: str
    version: str | None
    precision: Precision
    threshold: float
    tolerance: float
    texts: str
    """Texts that the export is compared on, in words."""
    options: Options


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The outcome of an export."""

    lines: Sequence[str]
    """Lines on the parity, for people."""
    cases: int
    """Number of lines in `cases.jsonl`."""


def export(request: ExportRequest, calls: Sequence[Call], folder: Path) -> Exported:
    """Write the folder, which exists and is empty, and compare it with its original.

    Raises:
        ModelError: the source is not of the kind, or cannot be exported.
        ParityError: the folder's numbers are too far from the original's.
    """
    module = import_module(f"otel_llm.models.{request.kind.replace('-', '_')}")
    disable_progress_bar()  # the bar of loading weights has a line for each part
    original: Original = module.load(request.source, request.options)
    if original.keys["kind"] == "encoder":
        return _export_encoder(request, original, calls, folder)
    return _export_evaluator(request, original, calls, folder)


def _export_encoder(request: ExportRequest, original: Original, calls: Sequence[Call], folder: Path) -> Exported:
    keys = {key: value for key, value in original.keys.items() if key != "kind"}
    path = _write(request, original, folder, model="encoder.onnx", output="token_states", keys=keys)
    manifest = read_manifest(path, EncoderManifest)
    parity = of_encoder(original, manifest, calls)
    _write_card(request, original, manifest, parity, ())
    parity.check(request.tolerance)
    return Exported(lines=[str(parity)], cases=0)


def _export_evaluator(request: ExportRequest, original: Original, calls: Sequence[Call], folder: Path) -> Exported:
    keys = {**original.keys, "threshold": request.threshold, "tokenizer": "tokenizer.json"}
    path = _write(request, original, folder, model="model.onnx", output="logits", keys=keys)
    manifest = read_manifest(path, EvaluatorManifest)
    parity = of_evaluator(original, manifest, calls)
    found = original_results(original, manifest, calls)
    plain = cases(found, request.tolerance)
    write_lines(folder / "cases.jsonl", plain)
    _write_card(request, original, manifest, parity, found)
    parity.check(request.tolerance)
    return Exported(lines=[str(parity), *describe(found)], cases=len(plain))


def _write(
    request: ExportRequest, original: Original, folder: Path, *, model: str, output: str, keys: Mapping[str, Any]
) -> Path:
    """Write weights, tokenizer and manifest; return the manifest's path."""
    with tempfile.TemporaryDirectory() as work:
        plain = Path(work) / "plain.onnx"
        per_token = original.keys["kind"] in ("encoder", "token_classifier")
        write_graph(original.network, original.inputs, output, plain, per_token=per_token)
        write_model(fuse(plain, original.config), request.precision, folder / model)
    write_tokenizer(original.tokenizer, folder / "tokenizer.json")
    path = folder / ("encoder.toml" if model == "encoder.onnx" else "evaluator.toml")
    named = {"name": request.name, "version": request.version, **keys}
    write_manifest(path, named, [model, "tokenizer.json"])
    return path


def _write_card(
    request: ExportRequest,
    original: Original,
    manifest: EncoderManifest | EvaluatorManifest,
    parity: Parity,
    found: Sequence[OriginalResult],
) -> None:
    facts = Facts(
        name=manifest.name,
        version=manifest.version,
        source=request.source,
        precision=request.precision,
        size=size_of(manifest.folder, manifest.files),
        texts=request.texts,
    )
    (manifest.folder / "MODEL_CARD.md").write_text(card(facts, original, parity, found), encoding="utf-8")
