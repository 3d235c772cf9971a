"""The evaluators and encoders of installed distributions, found by their entry points."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest, read_manifest

_GROUP: Final = "otel_llm.evaluators"


def evaluator_manifests() -> Iterator[EvaluatorManifest]:
    """Yield the manifest of each evaluator folder of each installed distribution, by folder name.

    Raises:
        ModelError: a manifest is not as it should be.
    """
    for root in _roots():
        for path in sorted(root.glob("*/evaluator.toml")):
            yield read_manifest(path, EvaluatorManifest)


def encoder_manifests() -> Iterator[EncoderManifest]:
    """Yield the manifest of each encoder folder of each installed distribution, by folder name.

    Raises:
        ModelError: a manifest is not as it should be.
    """
    for root in _roots():
        for path in sorted(root.glob("*/encoder.toml")):
            yield read_manifest(path, EncoderManifest)


def encoder_manifest(name: str) -> EncoderManifest:
    """Return the manifest of the installed encoder of that name.

    Raises:
        ModelError: no encoder has that name, or its manifest is wrong.
    """
    for root in _roots():
        path = root / name / "encoder.toml"
        if path.is_file():
            return read_manifest(path, EncoderManifest)
    raise ModelError(f"encoder {name!r} is in no installed distribution: pip install 'otel-llm[collector]'")


def _roots() -> Iterator[Path]:
    for entry in sorted(entry_points(group=_GROUP), key=lambda entry: entry.value):
        # the package is found, not imported: a folder of weights needs no code
        yield from map(Path, _package_folders(entry))


def _package_folders(entry: EntryPoint) -> list[str]:
    try:
        spec = find_spec(entry.value)
    except (ImportError, ValueError):  # the parent package is gone, or the value is no name of a package
        spec = None
    if spec is None or not spec.submodule_search_locations:
        owner = entry.dist.name if entry.dist else "what brought it"
        raise ModelError(
            f"entry point {entry.name} of {_GROUP}: must name a package that is there, got {entry.value!r}:"
            f" install {owner} again, or uninstall it"
        )
    return list(spec.submodule_search_locations)
