"""Evaluators of somebody else's: folders and installed distributions, made for a test."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.manifest import EvaluatorManifest, read_manifest
from otel_llm.evaluate.kinds.loading import load_evaluator


def write_evaluator(
    folder: Path,
    *,
    manifest: str,
    files: Mapping[str, bytes] = {},
    cases: Iterable[Mapping[str, Any]] = (),
) -> Path:
    """Write a folder; the manifest gets the table of files. Return the manifest's path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [manifest, "[files]"]
    for name, content in files.items():
        (folder / name).write_bytes(content)
        lines.append(f'"{name}" = "{hashlib.sha256(content).hexdigest()}"')
    path = folder / "evaluator.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text("# A card of version 1\n", encoding="utf-8")
    (folder / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    return path


def load(manifest: Path) -> Evaluator:
    return load_evaluator(read_manifest(manifest, EvaluatorManifest))


def install(root: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an installed distribution with that package, announced as one of evaluators; return the package."""
    folder = root / package
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    metadata = root / f"{package}-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[otel_llm.evaluators]\nmine = {package}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(root)
    return folder
