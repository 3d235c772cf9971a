"""Installed evaluators and encoders, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from otel_llm.errors import ConfigError
from otel_llm.evaluate.definition.installed import encoder_manifests, evaluator_manifests
from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest, read_manifest


class Row(NamedTuple):
    """One evaluator or encoder."""

    name: str
    version: str
    kind: str
    targets: str
    """Sides that the evaluator scores; a dash for an encoder."""
    runs: str
    """`by default` or `where named`; of an evaluator whose libraries are missing, how to install them."""
    size: str
    """Size of the files that are loaded."""
    where: str
    """Path of the folder."""


def rows() -> Iterator[Row]:
    """Yield the installed evaluators, then the encoders.

    Raises:
        ModelError: a manifest is not as it should be.
    """
    for evaluator in evaluator_manifests():
        runs = "by default" if evaluator.default else "where named"
        yield _row(evaluator, evaluator.kind, ", ".join(evaluator.targets), _needs(evaluator) or runs)
    for encoder in encoder_manifests():
        yield _row(encoder, "encoder", "-", "-")


def size_of(folder: Path, files: Iterable[str]) -> str:
    """Return the size of the files in MB; a dash where there are none."""
    size = sum((folder / name).stat().st_size for name in files if (folder / name).is_file())
    return f"{size / 1e6:.1f} MB" if size else "-"


def table(lines: Iterable[Row]) -> str:
    """Return the rows with a head, in columns."""
    cells = [tuple(name for name in Row._fields), *lines]
    widths = [max(len(row[column]) for row in cells) for column in range(len(Row._fields))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def manifest_of(name: str) -> EvaluatorManifest | EncoderManifest:
    """Return the manifest in the folder with this path, or of the installed evaluator or encoder with this name.

    Raises:
        ConfigError: neither exists.
        ModelError: the manifest is not as it should be.
    """
    folder = Path(name)
    if (folder / "evaluator.toml").is_file():
        return read_manifest(folder / "evaluator.toml", EvaluatorManifest)
    if (folder / "encoder.toml").is_file():
        return read_manifest(folder / "encoder.toml", EncoderManifest)
    known: dict[str, EvaluatorManifest | EncoderManifest] = {m.name: m for m in encoder_manifests()}
    known |= {manifest.name: manifest for manifest in evaluator_manifests()}
    if name not in known:
        raise ConfigError(
            f"{name!r} must be the folder of an evaluator or encoder, or one that is installed: {', '.join(known)}"
        )
    return known[name]


def _needs(evaluator: EvaluatorManifest) -> str:
    return f"needs {' and '.join(evaluator.missing)}" if evaluator.missing else ""


def _row(manifest: EvaluatorManifest | EncoderManifest, kind: str, targets: str, runs: str) -> Row:
    size = size_of(manifest.folder, manifest.files)
    return Row(manifest.name, manifest.version, kind, targets, runs, size, str(manifest.folder))
