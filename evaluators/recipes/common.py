"""The common parts of the recipes: paths, manifests, the metrics log."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import torch

_HERE = Path(__file__).parent
EVALUATORS = _HERE.parent / "otel_llm_evaluators"
WORK = _HERE / "work"
WORK.mkdir(exist_ok=True)
SEED = 20

DATA_OPTION = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=_HERE.parents[2] / "shared" / "data",
    show_default="../shared/data beside the project",
    help="Folder of the training data; what must be in it: DATA.md.",
)


def sha256(path: Path) -> str:
    """Return the file's sha256 in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_toml(path: Path, values: Mapping[str, Any]) -> None:
    """Write a manifest: plain values first, then one table for each mapping."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{_key(key)} = {json.dumps(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def log_metrics(recipe: str, metrics: Mapping[str, Any]) -> None:
    """Print the figures and append them to `work/metrics.jsonl`."""
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with (WORK / "metrics.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"recipe": recipe, "at": when, **metrics}) + "\n")
    click.echo(json.dumps(metrics, indent=2))


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() else json.dumps(name)


def export(model: torch.nn.Module, inputs: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a head as ONNX; the first dimension of every two-dimensional input, its tokens, may be any number."""
    import torch  # noqa: PLC0415 - the recipes that train nothing do without it

    axes = {name: {0: f"{name}_tokens"} for name, value in inputs.items() if value.dim() == 2}
    torch.onnx.export(
        model.eval(),
        tuple(inputs.values()),
        path,
        dynamo=False,  # no onnxscript needed, and a graph without shape guards
        opset_version=17,
        input_names=list(inputs),
        output_names=["probability"],
        dynamic_axes=axes,
    )
